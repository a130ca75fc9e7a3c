import { describe, expect, it } from 'vitest'
import { REDACTED_KINDS, redact } from '../../../../sidecar/text/cleaning/redact.ts'

function redacted(text: string, kinds: readonly (typeof REDACTED_KINDS)[number][] = REDACTED_KINDS) {
  let count = 0
  const result = redact(text, kinds, () => {
    count += 1
  })
  return { text: result, count }
}

describe('redact', () => {
  it.each([
    ['My password is hunter2.', 'My password is [password].'],
    ['password: hunter2!x', 'password: [password]'],
    ['{"password": "hunter2", "a": 1}', '{"password": "[password]", "a": 1}'],
    [
      'The password for the office wifi is blue-Sky-9, ok?',
      'The password for the office wifi is [password], ok?',
    ],
    ['DB_PASSWORD=s3cr3t', 'DB_PASSWORD=[password]'],
    ['My PIN: 4711', 'My PIN: [password]'],
    ['wifi password horse99battery', 'wifi password [password]'],
    ['パスワードはhunter2です', 'パスワードは[password]です'],
    ['我的密码是hunter2', '我的密码是[password]'],
    ['密碼：hunter2', '密碼：[password]'],
    ['비밀번호는 hunter2 입니다', '비밀번호는 [password] 입니다'],
    ['Mein Passwort lautet hunter2', 'Mein Passwort lautet [password]'],
    ['Mi contraseña es hunter2', 'Mi contraseña es [password]'],
    ['Mon mot de passe est hunter2', 'Mon mot de passe est [password]'],
    ['Minha senha é hunter2', 'Minha senha é [password]'],
    ['Мой пароль: ромашка7', 'Мой пароль: [password]'],
    ['postgres://ada:s3cret@db.example.com/x', 'postgres://ada:[password]@db.example.com/x'],
    ['Card 4111 1111 1111 1111, exp 12/27', 'Card [card], exp 12/27'],
    ['4111-1111-1111-1111', '[card]'],
    ['カードは4111111111111111です', 'カードは[card]です'],
    ['4111 1111 1111 1111 123', '[card] 123'],
    ['amex 378282246310005', 'amex [card]'],
    ['５５５５５５５５５５５５４４４４', '[card]'],
    ['Write to ada.l+x@example.co.uk.', 'Write to [email].'],
    ['メールはada@example.comです', 'メールは[email]です'],
    ['müller@bücher.de', '[email]'],
    ['иван@почта.рф', '[email]'],
    ['ada [at] example [dot] com', '[email]'],
    ['Call +44 20 7946 0958 today', 'Call [phone] today'],
    ['call (555) 123-4567', 'call [phone]'],
    ['555-123-4567', '[phone]'],
    ['携帯は090-1234-5678です', '携帯は[phone]です'],
    ['我的手机号是13812345678。', '我的手机号是[phone]。'],
    ['전화번호는 010-1234-5678이에요', '전화번호는 [phone]이에요'],
    ['Tel. 0171 2345678', 'Tel. [phone]'],
    ['Mi teléfono es 612 345 678', 'Mi teléfono es [phone]'],
    ['06 12 34 56 78', '[phone]'],
    ['8 (912) 345-67-89', '[phone]'],
    ['On 2026-03-01 090-1234-5678', 'On 2026-03-01 [phone]'],
  ])('%j becomes %j', (text, expected) => {
    expect(redacted(text)).toEqual({ text: expected, count: 1 })
  })

  it.each([
    'I forgot my password.',
    'The password is not correct.',
    'What is the password?',
    'パスワードを忘れました',
    'I pinned 3 notes about pink 1234 shoes.',
    'Order 4111 1111 1111 1112 has shipped.',
    'On 2026-03-01 and 01.02.2026 at 10:30:15.',
    'It costs 1,234,567.89 or 0.123456789.',
    'Room 1204, 250 people, 2024-2026.',
    'ISBN 978-3-16-148410-0',
    'The IBAN is DE89 3704 0044 0532 0130 00.',
    'Follow @ada on example.com',
    'Version 10.2.33, build 20260301',
  ])('leaves %j', (text) => {
    expect(redacted(text)).toEqual({ text, count: 0 })
  })

  it('redacts only the kinds that are asked for', () => {
    const text = 'ada@example.com, +44 20 7946 0958, 4111111111111111, password: x1'
    expect(redacted(text, ['email']).text).toBe('[email], +44 20 7946 0958, 4111111111111111, password: x1')
    expect(redacted(text, []).text).toBe(text)
    expect(redacted(text).text).toBe('[email], [phone], [card], password: [password]')
  })

  it.each([
    ['digits', '1'.repeat(500_000)],
    ['spaced digits', '1 '.repeat(250_000)],
    ['groups of digits', '4111 '.repeat(100_000)],
    ['letters', 'a'.repeat(500_000)],
    ['dots', 'a.'.repeat(250_000)],
    ['at signs', 'a@a.'.repeat(125_000)],
    ['passwords', 'password '.repeat(55_000)],
    ['purposes', 'password for '.repeat(40_000)],
    ['links', 'password is '.repeat(40_000)],
    ['phones', 'phone '.repeat(80_000)],
    ['phone numbers', 'tel 0171 234 '.repeat(38_000)],
    ['URLs', '://a:'.repeat(100_000)],
    ['dates', '2026-03-01 '.repeat(45_000)],
  ])('takes linear time for 500,000 characters of %s', (_name, text) => {
    // Quadratic time would be minutes and exceed the timeout of the test.
    expect(redacted(`${text}x`).text).toBeTypeOf('string')
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identityKey, wordKey } from '../../../sidecar/text/identity.ts'

/** Texts of one meaning each. */
const DIFFERENT: [string, string][] = [
  ['My blood type is A+.', 'My blood type is A-.'],
  ['The balance is 200', 'The balance is -200'],
  ['The balance is 200', 'The balance is −200'],
  ['Coffee costs $5', 'Coffee costs €5'],
  ['I code in C++', 'I code in C#'],
  ['alert if x > 5', 'alert if x < 5'],
  ['The new logo: 👍', 'The new logo: 👎'],
  ['私の血液型はA+です。', '私の血液型はA-です。'],
  ['气温是5度', '气温是-5度'],
  ['혈액형은 A+', '혈액형은 A-'],
  ['Mein Konto: 200 €', 'Mein Konto: 200 $'],
  ['Mi grupo es 0+', 'Mi grupo es 0-'],
  ['It is for US', 'It is for us'],
  ['パスワードはABC', 'パスワードはＡＢＣ'],
  ['I like tea', 'I like tea?'],
  ['My password is hunter2', 'My password is hunter2!'],
  ['not 1.5', 'not 15'],
  ['50%', '50'],
  ['#1', '1'],
  ['café', 'cafe'],
  ['x²', 'x2'],
]

describe('identityKey', () => {
  it.each(DIFFERENT)('keeps %j and %j apart', (one, other) => {
    expect(identityKey(one)).not.toBe(identityKey(other))
  })

  it.each([
    [' I like\n  tea', 'I like tea'],
    ['I like tea.', 'I like tea'],
    ['I like tea!', 'I like tea …'],
    ['お茶が好き。', 'お茶が好き'],
    ['我喜欢茶！', '我喜欢茶'],
    ['मुझे चाय पसंद है।', 'मुझे चाय पसंद है'],
    ['cafe\u0301 au lait', 'café au lait'],
    ['My blood type is A+', 'My blood type is A+.'],
    ['I pay 5.', 'I pay 5'],
  ])('gives %j and %j the same key', (one, other) => {
    expect(identityKey(one)).toBe(identityKey(other))
  })

  it('distinguishes every pair of characters that are neither white space nor full stops nor canonical equals', () => {
    const character = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .filter((one) => !/[\s.。．｡।۔…!！]/u.test(one))
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), character, character, (text, one, other) => {
        fc.pre(one.normalize('NFC') !== other.normalize('NFC'))
        expect(identityKey(`is ${one} ${text}`)).not.toBe(identityKey(`is ${other} ${text}`))
      }),
    )
  })

  it('is idempotent and ignores white space and full stops at the end', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const key = identityKey(text)
        expect(identityKey(key)).toBe(key)
        expect(identityKey(`x ${text} . `)).toBe(identityKey(`x ${text}`))
      }),
    )
  })

  it('keeps a text of punctuation only', () => {
    expect(identityKey('...')).not.toBe(identityKey('…'))
  })
})

describe('wordKey', () => {
  it('ignores case, punctuation, spacing and width, as the ids of earlier versions do', () => {
    expect(wordKey(' I like  Tea! ')).toBe('i like tea')
    expect(wordKey('ＡＢＣ好き。')).toBe('abc 好き')
    expect(wordKey('I like tea')).not.toBe(wordKey('I like green tea'))
    expect(wordKey('👍')).not.toBe(wordKey('👎'))
    expect(wordKey('not 1.5')).not.toBe(wordKey('not 15'))
  })
})

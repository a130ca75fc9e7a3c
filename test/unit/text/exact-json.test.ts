import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findInexact, InexactNumber, parseJson, readNumber } from '../../../sidecar/text/exact-json.ts'

describe('parseJson', () => {
  it('equals JSON.parse for every value that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { value, isExact } = parseJson(text)
        expect(value).toEqual(JSON.parse(text))
        expect(isExact).toBe(true)
      }),
    )
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (number) => {
        const text = JSON.stringify({ number })
        expect(JSON.stringify(parseJson(text).value)).toBe(text)
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps each integer, or marks it', () => {
    const integer = fc.oneof(
      fc.bigInt(),
      fc.bigInt({ min: 2n ** 52n, max: 2n ** 55n }),
      fc.bigInt({ min: 10n ** 15n, max: 10n ** 25n }),
    )
    fc.assert(
      fc.property(integer, fc.constantFrom('', ' ', '\n  '), (number, space) => {
        const text = `{"a":[1,${space}${number}]}`
        const { value, isExact } = parseJson(text)
        const kept = (value as { a: [1, number | InexactNumber] }).a[1]
        expect(kept instanceof InexactNumber).toBe(!isExact)
        expect(JSON.stringify(value)).toBe(`{"a":[1,${number}]}`)
        if (number <= 2n ** 53n && number >= -(2n ** 53n)) expect(isExact).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps each decimal number, or marks it', () => {
    const digits = fc.stringMatching(/^[1-9]\d{0,24}$/)
    const number = fc.record({
      whole: digits,
      fraction: digits,
      exponent: fc.integer({ min: -420, max: 420 }),
    })
    fc.assert(
      fc.property(number, ({ whole, fraction, exponent }) => {
        const source = `${whole}.${fraction}e${exponent}`
        const value = parseJson(`{"a":${source}}`).value as { a: number | InexactNumber }
        if (value.a instanceof InexactNumber) return
        expect(rational(value.a.toPrecision(100))).not.toBe(0n)
        const digitCount = (whole + fraction).replace(/0+$/, '').length
        const written = [String(value.a), value.a.toPrecision(Math.min(100, digitCount))].map(rational)
        expect(written).toContain(rational(source))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '1e400',
    '-1e400',
    '1e-400',
    '1E+0400',
    '3.14159265358979323846',
    `${'9'.repeat(400)}`,
    `0.${'0'.repeat(5000)}1`,
    '9007199254740993.0',
  ])('marks %s', (source) => {
    expect(readNumber(source)).toBeInstanceOf(InexactNumber)
    expect(parseJson(`{"n":${source}}`)).toEqual({ value: { n: new InexactNumber(source) }, isExact: false })
  })

  it.each([
    '0',
    '-0',
    '0.0',
    '9007199254740992',
    '9007199254740991',
    '123456789012345680000',
    '0.1',
    '0.10000000000000001',
    '0.1000000000000000055511151231257827',
    '1e300',
    '5e-324',
    '1.7976931348623157e308',
    '100.00000000000000000000',
    '0e999',
  ])('keeps %s', (source) => {
    expect(parseJson(`{"n":${source}}`)).toEqual({ value: { n: Number(source) }, isExact: true })
  })

  it('ignores digits in texts', () => {
    const value = { id: '9007199254740993', text: 'call [12345678901234567890, 1e400]' }
    expect(parseJson(JSON.stringify(value))).toEqual({ value, isExact: true })
  })

  it('throws for malformed JSON', () => {
    for (const text of ['', '{', '{"a":9007199254740993', '01234567890123456789'])
      expect(() => parseJson(text)).toThrow(SyntaxError)
  })
})

it('findInexact returns the path of the first marked number', () => {
  const { value } = parseJson('{"user_id":"ada","messages":[{"n":[1,{"m":1e400}]}]}')
  expect(findInexact(value)).toEqual({ path: 'messages[0].n[1].m', source: '1e400' })
  expect(findInexact({ a: [1, null, 'x'] })).toBeUndefined()
})

/** A decimal number as an integer, in units of 10^-1000. */
function rational(source: string): bigint {
  const [mantissa = '', exponent = '0'] = source.split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return BigInt(whole + fraction) * 10n ** BigInt(1000 + Number(exponent) - fraction.length)
}

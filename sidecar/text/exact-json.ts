/*
 * JSON whose numbers are never rounded in silence. JavaScript numbers are 64-bit floats: 9007199254740993 would become
 * 9007199254740992, and 1e400 Infinity.
 */

/** A number of a JSON text that a 64-bit float cannot hold. `JSON.stringify` writes it as it was. */
export class InexactNumber {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  toJSON(): unknown {
    return rawJson(this.source)
  }

  toString(): string {
    return this.source
  }
}

// TypeScript has no types for these parts of ECMAScript 2026 yet.
const { rawJSON: rawJson } = JSON as typeof JSON & { rawJSON(text: string): unknown }
type Revive = (key: string, value: unknown, context?: { source?: string }) => unknown
const parseWith: (text: string, revive: Revive) => unknown = JSON.parse

/**
 * Finds numbers of 16 characters or with an exponent of 3 digits; all others are exact. `JSON.parse` with a function is
 * 20 times slower than without, and this search takes a fraction of the latter.
 */
const LONG_NUMBER = /(?:^|[:,[])\s*-?(?:\d[\d.]{15}|[\d.]+[eE][+-]?\d{3})/

/**
 * Like `JSON.parse`, with an `InexactNumber` in place of each number that a 64-bit float cannot hold.
 * @throws {SyntaxError}
 */
export function parseJson(text: string): { value: unknown; isExact: boolean } {
  if (!LONG_NUMBER.test(text)) return { value: JSON.parse(text), isExact: true }
  let isExact = true
  const value = parseWith(text, (_key, one, { source = '' } = {}) => {
    if (typeof one !== 'number') return one
    const read = readNumber(source)
    if (typeof read !== 'number') isExact = false
    return read
  })
  return { value, isExact }
}

/** @param source a number as in JSON */
export function readNumber(source: string): number | InexactNumber {
  const value = Number(source)
  return isExactly(value, source) ? value : new InexactNumber(source)
}

/** The first inexact number within a value, with its path as in `metadata.tags[2]`. */
export function findInexact(value: unknown, path = ''): { path: string; source: string } | undefined {
  if (value instanceof InexactNumber) return { path, source: value.source }
  if (value === null || typeof value !== 'object') return undefined
  for (const [key, child] of Object.entries(value)) {
    const name = Array.isArray(value) ? `[${key}]` : `${path === '' ? '' : '.'}${key}`
    const found = findInexact(child, path + name)
    if (found) return found
  }
  return undefined
}

/** Decimal digits that `toPrecision` can write. */
const MAX_PRECISION = 100

/**
 * Whether the value is written as the same decimal number. A fraction may also have more digits of the float than it
 * needs, as `%.17g` in C writes them. An integer may not have an exponent when it is written, so that other programs
 * read it back as an integer.
 */
function isExactly(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(source)) return source === String(value) || source === '-0'
  const [digits, exponent] = decimal(source)
  const isSame = (text: string) => {
    const [ownDigits, ownExponent] = decimal(text)
    return ownDigits === digits && ownExponent === exponent
  }
  if (isSame(String(value))) return true
  return digits.length > 0 && digits.length <= MAX_PRECISION && isSame(value.toPrecision(digits.length))
}

/** The digits of a number without zeros at both ends, and the power of ten of the last one. */
function decimal(source: string): [digits: string, exponent: number] {
  const [mantissa = '', exponent = '0'] = source.replace('-', '').split(/e/i)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = (whole + fraction).replace(/^0+/, '')
  let end = digits.length
  while (digits[end - 1] === '0') end -= 1
  if (end === 0) return ['', 0]
  return [digits.slice(0, end), Number(exponent) - fraction.length + digits.length - end]
}

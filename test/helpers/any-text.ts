import fc from 'fast-check'

const SURROGATES = { first: 0xd800, count: 0x800 }

/**
 * Every code point except surrogates, as the unit `binary` of fast-check: its first use builds an index of all 1.1 million,
 * which takes a second.
 */
const codePoint = fc.nat(0x10ffff - SURROGATES.count).map(
  (i) => String.fromCodePoint(i < SURROGATES.first ? i : i + SURROGATES.count),
  (value) => {
    const point = typeof value === 'string' ? value.codePointAt(0) : undefined
    if (point === undefined || String.fromCodePoint(point) !== value || !value.isWellFormed()) {
      throw new Error(`expected one code point, got ${JSON.stringify(value)}`)
    }
    return point < SURROGATES.first ? point : point - SURROGATES.count
  },
)

/** Strings of any code points, among them the words that fast-check holds to be dangerous, such as `__proto__`. */
export function anyText(constraints: Omit<fc.StringConstraints, 'unit'> = {}): fc.Arbitrary<string> {
  return fc.string({ ...constraints, unit: codePoint })
}

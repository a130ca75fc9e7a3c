export const VALUE_EXPECTED =
  'expected a number from -1e150 to 1e150, true, false, like, dislike, up, down or none'

const WORDS = new Map<string, number | null>([
  ['true', 1],
  ['like', 1],
  ['up', 1],
  ['false', 0],
  ['dislike', 0],
  ['down', 0],
  ['none', null],
])

/** Reads the value of an outcome; `null` for `none`, `undefined` for anything else than `VALUE_EXPECTED`. */
export function readValue(given: unknown): number | null | undefined {
  if (typeof given === 'boolean') return given ? 1 : 0
  if (typeof given === 'string') {
    const text = given.trim().toLowerCase()
    const word = WORDS.get(text)
    if (word !== undefined) return word
    // `Number` also reads hexadecimal numbers and an empty text.
    return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(text) ? readValue(Number(text)) : undefined
  }
  // The square of a larger number is not finite.
  return typeof given === 'number' && Math.abs(given) <= 1e150 ? given : undefined
}

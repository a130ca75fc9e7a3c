import { normalise } from './terms/normalise.ts'
import { segment } from './terms/segment.ts'

/**
 * Texts with the same key state the same. It folds white space, Unicode composition and the punctuation that ends a
 * sentence; a sign, symbol, digit, emoji, case or width makes another text. A question mark is kept: it asks.
 */
export function identityKey(text: string): string {
  const folded = text.normalize('NFC').replace(/\s+/gu, ' ').trim()
  const full = lengthWithout(FULL_STOPS, folded)
  const bare = lengthWithout(FULL_STOPS + EXCLAMATION_MARKS, folded)
  // After a digit or a symbol an exclamation mark may belong to the content: `5!`, `hunter2!`.
  const end = ENDS_IN_LETTER.test(folded.slice(Math.max(0, bare - 2), bare)) ? bare : full
  // A text of punctuation only equals only itself.
  return end === 0 ? folded : folded.slice(0, end)
}

const FULL_STOPS = ' .。．｡।۔…'
const EXCLAMATION_MARKS = '!！'
const ENDS_IN_LETTER = /[\p{L}\p{M}]$/u

function lengthWithout(trailing: string, text: string): number {
  let end = text.length
  while (end > 0 && trailing.includes(text.charAt(end - 1))) end--
  return end
}

/**
 * The normalised words of a text, without symbols: texts that differ in a sign only (`A+`, `A-`) share it. It finds
 * texts to compare and never decides that they are the same. It must not change: memories of earlier versions have ids
 * that derive from it.
 */
export function wordKey(text: string): string {
  const normal = normalise(text)
  const words = segment(normal).flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
  // A text of symbols only, such as an emoji, equals only itself.
  return words.length > 0 ? words.join(' ') : normal.replace(/\s+/g, ' ').trim()
}

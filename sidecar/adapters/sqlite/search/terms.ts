import type { SearchEntry } from '../../../ports/records.ts'
import { wordsOf } from './packed-vector.ts'

type Hashes = Pick<SearchEntry, 'terms' | 'context' | 'grams'>

const HEAD_WORDS = 3

/** The length of each list, and then the lists. */
export function termsToBytes({ terms, context, grams }: Hashes): Uint8Array {
  const end = HEAD_WORDS + terms.length + context.length
  const words = new Uint32Array(end + Math.ceil(grams.length / 2))
  words.set([terms.length, context.length, grams.length])
  words.set(terms, HEAD_WORDS)
  words.set(context, HEAD_WORDS + terms.length)
  new Uint16Array(words.buffer, 4 * end).set(grams)
  return new Uint8Array(words.buffer)
}

export function termsFromBytes(bytes: Uint8Array): Hashes {
  const words = wordsOf(bytes, Uint32Array)
  const { both, termCount } = scannedTerms(words)
  const [, , gramCount = 0] = words
  const at = words.byteOffset + 4 * (HEAD_WORDS + both.length)
  const grams = new Uint16Array(words.buffer, at, gramCount)
  return { terms: both.subarray(0, termCount), context: both.subarray(termCount), grams }
}

/** The terms, and after them those of the context. */
export function scannedTerms(words: Uint32Array): { both: Uint32Array; termCount: number } {
  const [termCount = 0, contextCount = 0] = words
  return { both: words.subarray(HEAD_WORDS, HEAD_WORDS + termCount + contextCount), termCount }
}

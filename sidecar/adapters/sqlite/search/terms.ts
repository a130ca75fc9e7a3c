import type { SearchEntry } from '../../../ports/records.ts'
import { slicer } from '../../common/slices.ts'
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
  const [termCount = 0, contextCount = 0, gramCount = 0] = words
  const take = slicer(words.subarray(HEAD_WORDS))
  const [terms, context] = [take(termCount), take(contextCount)]
  const at = words.byteOffset + 4 * (HEAD_WORDS + termCount + contextCount)
  return { terms, context, grams: new Uint16Array(words.buffer, at, gramCount) }
}

import type { SearchEntry } from '../../../ports/records.ts'
import { wordsOf } from './packed-vector.ts'

/** Both lists of terms: the length of the first one, and then all of them. */
export function termsToBytes({ terms, context }: SearchEntry): Uint8Array {
  const words = new Uint32Array(1 + terms.length + context.length)
  words[0] = terms.length
  words.set(terms, 1)
  words.set(context, 1 + terms.length)
  return new Uint8Array(words.buffer)
}

export function termsFromBytes(bytes: Uint8Array): Pick<SearchEntry, 'terms' | 'context'> {
  const words = wordsOf(bytes, Uint32Array)
  const end = 1 + (words[0] as number)
  return { terms: words.subarray(1, end), context: words.subarray(end) }
}

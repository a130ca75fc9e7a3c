import { crc32 } from 'node:zlib'
import type { SparseVector } from '../ports/records.ts'
import { termsOfMemory } from './tokens.ts'

/** BM25 parameters: term frequency saturation and length normalisation. */
const K1 = 1.2
const B = 0.75
/** Assumed average number of terms per memory: the real average is unknown when a memory is written. */
const AVERAGE_LENGTH = 12
/** Weight of a term that occurs in the preceding context instead of the memory itself. */
const CONTEXT_WEIGHT = 0.5
/** UTF-16 code units that are read of a text, and terms that are kept of it. */
const MAX_LENGTH = 4000
const MAX_TERMS = 500

/**
 * BM25 term weights of a memory without the IDF factor, which the store applies at query time.
 * @param context the preceding messages, by which the memory can be found too
 */
export function sparseOf(text: string, context: string | null = null): SparseVector {
  const own = termsOfMemory(text.slice(0, MAX_LENGTH)).slice(0, MAX_TERMS)
  const preceding = context ? termsOfMemory(context.slice(-MAX_LENGTH)).slice(-MAX_TERMS) : []
  const counts = new Map<number, number>()
  const add = (term: string, weight: number) => {
    const index = crc32(term)
    counts.set(index, (counts.get(index) ?? 0) + weight)
  }
  for (const term of own) add(term, 1)
  for (const term of preceding) add(term, CONTEXT_WEIGHT)
  const norm = K1 * (1 - B + (B * own.length) / AVERAGE_LENGTH)
  const entries = [...counts].sort(([a], [b]) => a - b)
  return {
    indices: Uint32Array.from(entries, ([index]) => index),
    values: Float32Array.from(entries, ([, count]) => (count * (K1 + 1)) / (count + norm)),
  }
}

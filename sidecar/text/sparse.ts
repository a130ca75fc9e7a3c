import { crc32 } from 'node:zlib'
import type { SparseVector } from '../ports/records.ts'
import { termsOfMemory } from './tokens.ts'

/** BM25: saturation of the term frequency, and strength of the length normalisation. */
const K1 = 1.2
const B = 0.75
/** Average length in terms. A constant, because a write does not know the other memories. */
const ORDINARY_LENGTH = 12
/** Weight of terms from the preceding message. */
const CONTEXT_WEIGHT = 0.5
/** Limits of a text: UTF-16 code units, and terms. */
const MAX_LENGTH = 4000
const MAX_TERMS = 500

/**
 * BM25 weights of a memory's terms without the inverse document frequency, which a store adds at query time.
 * @param context the preceding message; its terms also match the memory
 */
export function sparseOf(text: string, context: string | null = null): SparseVector {
  const own = termsOfMemory(text.slice(0, MAX_LENGTH)).slice(0, MAX_TERMS)
  const said = context ? termsOfMemory(context.slice(-MAX_LENGTH)).slice(-MAX_TERMS) : []
  const counts = new Map<number, number>()
  for (const term of own) add(counts, term, 1)
  for (const term of said) add(counts, term, CONTEXT_WEIGHT)
  const norm = K1 * (1 - B + (B * own.length) / ORDINARY_LENGTH)
  return toVector(counts, (count) => (count * (K1 + 1)) / (count + norm))
}

function add(counts: Map<number, number>, term: string, weight: number): void {
  const index = crc32(term)
  counts.set(index, (counts.get(index) ?? 0) + weight)
}

function toVector(counts: ReadonlyMap<number, number>, weigh: (count: number) => number): SparseVector {
  const entries = [...counts].sort(([a], [b]) => a - b)
  return {
    indices: Uint32Array.from(entries, ([index]) => index),
    values: Float32Array.from(entries, ([, count]) => weigh(count)),
  }
}

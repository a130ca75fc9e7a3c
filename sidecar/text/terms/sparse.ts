import { crc32 } from 'node:zlib'
import { chunksByLength, offloaded } from '../workers/worker-pool.ts'
import { readText, termsOf } from './tokens.ts'

/** Term weights of a text by 32-bit hash; each hash occurs once, and both arrays have the same length. */
export interface SparseVector {
  readonly indices: Uint32Array
  readonly values: Float32Array
}

/** BM25: saturation of the term frequency, and strength of the length normalisation. */
const K1 = 1.2
const B = 0.75
/** Terms of a typical memory: the average length of the scope is unknown when one memory is written. */
const ORDINARY_LENGTH = 12
/** Weight of the terms of the context. */
const CONTEXT_WEIGHT = 0.5
/** UTF-16 code units that are read of a text, and terms that are kept. */
const MAX_LENGTH = 4000
const MAX_TERMS = 500

export interface SparseInput {
  text: string
  /** Text said just before the memory; it can be found by these terms too. */
  context: string | null
}

/** BM25 weights of a memory's terms without their inverse document frequency, which the store applies per query. */
export function sparseOf({ text, context }: SparseInput): SparseVector {
  const own = termsOf(readText(text.slice(0, MAX_LENGTH))).slice(0, MAX_TERMS)
  const said = context ? termsOf(readText(context.slice(-MAX_LENGTH))).slice(-MAX_TERMS) : []
  const counts = new Map<number, number>()
  for (const term of own) add(counts, term, 1)
  for (const term of said) add(counts, term, CONTEXT_WEIGHT)
  const norm = K1 * (1 - B + (B * own.length) / ORDINARY_LENGTH)
  return toVector(counts, (count) => (count * (K1 + 1)) / (count + norm))
}

/** `sparseOf` for a list, as a worker thread runs it. */
export function sparseOfChunk(memories: readonly SparseInput[]): SparseVector[] {
  return memories.map(sparseOf)
}

const readChunk = offloaded(import.meta.url, sparseOfChunk, (memories) =>
  memories.reduce((sum, memory) => sum + lengthOf(memory), 0),
)

/** `sparseOf` for many memories, computed in worker threads when there is much text. */
export async function sparseOfAll(memories: readonly SparseInput[]): Promise<SparseVector[]> {
  const vectors: SparseVector[] = []
  for (const chunk of chunksByLength(memories, lengthOf)) {
    const plain = chunk.map(({ text, context }) => ({ text, context }))
    vectors.push(...(await readChunk(plain)))
  }
  return vectors
}

function lengthOf({ text, context }: SparseInput): number {
  return Math.min(text.length, MAX_LENGTH) + Math.min(context?.length ?? 0, MAX_LENGTH)
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

import { crc32 } from 'node:zlib'
import type { SparseVector } from '../ports/records.ts'
import type { Language } from './language.ts'
import { queryTermsOf, readText, termsOfMemory } from './tokens.ts'

/** Saturation of term frequency and strength of length normalisation, as BM25 has them. */
const K1 = 1.2
const B = 0.75
/** Terms of a memory of ordinary length: how long the others are is not known where one is written. */
const ORDINARY_LENGTH = 12
/** What was said just before counts half. */
const CONTEXT_WEIGHT = 0.5
/** UTF-16 code units that are read of a text, and terms that are kept of it. */
const MAX_LENGTH = 4000
const MAX_TERMS = 500

/**
 * BM25 weights of a memory's terms without their rarity, which the store knows when it is asked.
 * @param context said just before, and part of what the memory is found by
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

/** The terms of a question, each once, in every language that the memories may be in. */
export function sparseOfQuery(query: string, languages: Iterable<Language> = []): SparseVector {
  const counts = new Map<number, number>()
  for (const { forms, asking } of queryTermsOf(readText(query.slice(0, MAX_LENGTH)), languages)) {
    for (const form of forms) counts.set(crc32(form), asking ? 0.5 : 1)
  }
  return toVector(counts, (weight) => weight)
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

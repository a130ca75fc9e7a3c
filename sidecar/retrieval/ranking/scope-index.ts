import { Corpus, type IndexedMemory } from './corpus.ts'
import { type MemoryReading, readMemory } from './reading.ts'
import { DEFAULT_SETTINGS, type RankSettings, type SignalWeights } from './settings.ts'
import { createSignals, type Signal } from './signals.ts'

export type { IndexedMemory } from './corpus.ts'

export interface RankOptions {
  /** Maximum number of results. */
  limit: number
  /** Excludes memories from the results. */
  accept?: ((id: string) => boolean) | undefined
  /** Embedding of the query. Absent: the ranking is lexical only. */
  dense?: Float32Array | undefined
  /** Local time that "last week" is relative to, wall clock in epoch milliseconds. Absent: relative dates are ignored. */
  now?: number | undefined
  /** Whether to return each signal's part of the score. */
  explain?: boolean | undefined
}

export interface RankedMemory {
  id: string
  /** Sum of the weighted signals, 0 to about 2, or to 4 when the query names a day; comparable within one query only. */
  score: number
  /** Weighted part of each signal; they add up to the score. */
  parts?: Record<string, number>
}

/** Overrides of the default settings, for experiments and for a neural embedder. */
export interface ScopeIndexOptions {
  fields?: Partial<RankSettings['fields']>
  expansion?: Partial<RankSettings['expansion']>
  weights?: Partial<SignalWeights>
}

/**
 * Ranks the memories of one scope by the weighted sum of several signals, so that each signal can find memories that
 * the others miss. The ranking depends on the current memories only, not on the order of changes.
 */
export class ScopeIndex {
  readonly #corpus = new Corpus()
  readonly #settings: RankSettings

  constructor(options: ScopeIndexOptions = {}) {
    this.#settings = {
      fields: { ...DEFAULT_SETTINGS.fields, ...options.fields },
      expansion: { ...DEFAULT_SETTINGS.expansion, ...options.expansion },
      weights: { ...DEFAULT_SETTINGS.weights, ...options.weights },
    }
  }

  get size(): number {
    return this.#corpus.size
  }

  /** Approximate size in bytes. */
  get bytes(): number {
    return this.#corpus.bytes
  }

  /**
   * Adds memories, or replaces those with the same id. Throws a `RangeError` for a `dense` whose length differs from the
   * first one's, and leaves the index as it was before that memory.
   * @param readings of the memories, where they have been computed before
   */
  upsert(memories: readonly IndexedMemory[], readings: readonly MemoryReading[] = []): void {
    for (const [i, memory] of memories.entries()) this.#corpus.set(memory, readings[i] ?? readMemory(memory))
  }

  /** Unknown ids are ignored. */
  remove(ids: readonly string[]): void {
    for (const id of ids) this.#corpus.delete(id)
  }

  /** Whether the memory is indexed with exactly this vector. */
  isEmbeddedAs(id: string, dense: Float32Array): boolean {
    return this.#corpus.isEmbeddedAs(id, dense)
  }

  /** Query-independent prior that a memory contains a fact, 0 to 1; 0 for an unknown memory. */
  informativeness(id: string): number {
    return this.#corpus.find(id)?.traits.informative ?? 0
  }

  /**
   * Best first; equal scores in order of id. Throws a `RangeError` for a query embedding whose length differs from the
   * memories'.
   */
  rank(query: string, { limit, accept, dense, now, explain }: RankOptions): RankedMemory[] {
    const corpus = this.#corpus
    if (limit < 1 || corpus.size === 0) return []
    if (dense) corpus.dense.check(dense)
    const { weights } = this.#settings
    const names = Object.keys(weights) as Signal[]
    const signals = createSignals(corpus, { text: query, dense, now }, this.#settings)
    const ranked: (RankedMemory & { place: number })[] = []
    for (let place = 0; place < corpus.size; place++) {
      const { id } = corpus.entryAt(place)
      if (accept && !accept(id)) continue
      const values = signals(place)
      let score = 0
      for (const name of names) score += weights[name] * values[name]
      ranked.push({ id, score, place })
    }
    ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    return ranked.slice(0, limit).map(({ id, score, place }) => {
      if (!explain) return { id, score }
      const values = signals(place)
      const parts = Object.fromEntries(names.map((name) => [name, weights[name] * values[name]]))
      return { id, score, parts }
    })
  }
}

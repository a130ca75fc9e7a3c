import { Corpus, type IndexedMemory } from './index/corpus.ts'
import { Best } from './index/fusion.ts'
import { DEFAULT_SETTINGS, type RankSettings, type SignalWeights } from './index/settings.ts'
import { type Signal, signalsFor } from './index/signals.ts'

export type { IndexedMemory } from './index/corpus.ts'

export interface RankOptions {
  /** Most memories to answer; fewer only when fewer are accepted. */
  limit: number
  /** Memories it refuses take no place in the answer. */
  accept?: (id: string) => boolean
  /** Embedding of the query; without it the ranking is lexical only. */
  dense?: Float32Array
  /** What "last week" is relative to, epoch ms; without it relative dates in a query are ignored. */
  now?: number
  /** Answer each signal's part of the score. */
  explain?: boolean
}

export interface RankedMemory {
  id: string
  /** Sum of the weighted signals: 0…about 2, comparable within one query only. */
  score: number
  /** Weighted part of each signal; they add up to the score. */
  parts?: Record<string, number>
}

/** Settings that differ from the defaults, for experiments and for a neural embedder. */
export interface ScopeIndexOptions {
  fields?: Partial<RankSettings['fields']>
  expansion?: Partial<RankSettings['expansion']>
  weights?: Partial<SignalWeights>
}

/**
 * The memories of one scope, ranked by several signals whose weighted sum is the score, so that each can
 * bring up a memory which the others do not know. The ranking depends on the memories alone, not on the
 * order in which they came or on what has been removed since.
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

  /** Rough number of bytes held. */
  get bytes(): number {
    return this.#corpus.bytes
  }

  /**
   * Adds memories, or replaces those of the same id. A `dense` of another length than the first one's
   * throws a `RangeError` and leaves the index as it was before that memory.
   */
  upsert(memories: readonly IndexedMemory[]): void {
    for (const memory of memories) this.#corpus.set(memory)
  }

  /** Ids that are not there are passed over. */
  remove(ids: readonly string[]): void {
    for (const id of ids) this.#corpus.delete(id)
  }

  /** Whether a memory is there with exactly this vector. */
  isEmbeddedAs(id: string, dense: Float32Array): boolean {
    return this.#corpus.isEmbeddedAs(id, dense)
  }

  /** How likely a memory is to hold a fact at all, 0…1, whatever is asked; 0 for one that is not there. */
  informative(id: string): number {
    return this.#corpus.find(id)?.traits.informative ?? 0
  }

  /**
   * Best first; equal scores in order of id. A query embedding of another length than the memories' throws
   * a `RangeError`.
   */
  rank(query: string, { limit, accept, dense, now, explain }: RankOptions): RankedMemory[] {
    const corpus = this.#corpus
    if (limit < 1 || corpus.size === 0) return []
    if (dense) corpus.dense.check(dense)
    const { weights } = this.#settings
    const names = Object.keys(weights) as Signal[]
    const signals = signalsFor(corpus, { text: query, dense, now }, this.#settings)
    const idAt = (place: number) => corpus.entryAt(place).id
    const best = new Best(limit, idAt)
    for (let place = 0; place < corpus.size; place++) {
      if (accept && !accept(idAt(place))) continue
      const values = signals(place)
      let score = 0
      for (const name of names) score += weights[name] * values[name]
      best.add({ place, score })
    }
    return best.list().map(({ place, score }) => {
      const id = idAt(place)
      if (!explain) return { id, score }
      const values = signals(place)
      return {
        id,
        score,
        parts: Object.fromEntries(names.map((name) => [name, weights[name] * values[name]])),
      }
    })
  }
}

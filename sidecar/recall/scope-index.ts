import { normalise } from '../text/normalise.ts'
import { segment } from '../text/segment.ts'
import { queryTerms } from '../text/tokens.ts'
import { scoreFields } from './index/bm25.ts'
import { Corpus, type IndexedMemory } from './index/corpus.ts'
import { DEFAULT_SETTINGS, type RankSettings } from './index/settings.ts'
import { namedSpeakers } from './index/speakers.ts'

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
  score: number
  /** Weighted part of each signal; they add up to the score. */
  parts?: Record<string, number>
}

/** The memories of one scope, ranked by several signals of which each can bring up a memory alone. */
export class ScopeIndex {
  readonly #corpus = new Corpus()
  readonly #settings: RankSettings

  constructor(settings: Partial<RankSettings> = {}) {
    this.#settings = { ...DEFAULT_SETTINGS, ...settings }
  }

  get size(): number {
    return this.#corpus.size
  }

  /** Rough number of bytes held. */
  get bytes(): number {
    return this.#corpus.bytes
  }

  upsert(memories: readonly IndexedMemory[]): void {
    for (const memory of memories) this.#corpus.set(memory)
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.#corpus.delete(id)
  }

  /** Best first; equal scores in order of id. */
  rank(query: string, options: RankOptions): RankedMemory[] {
    const corpus = this.#corpus
    const settings = this.#settings
    const { slots } = corpus.timeline
    const n = slots.length
    const words = segment(normalise(query)).map((word) => word.text)
    const named = namedSpeakers(corpus, words)
    const nameWords = new Set([...named].flatMap((name) => name.split(' ')))
    const terms = queryTerms(query, corpus.languages.keys()).map(({ word, forms }) => ({
      forms,
      weight: nameWords.has(word.replace(/'s?$/, '')) ? settings.nameWeight : 1,
    }))
    const lexical = new Float64Array(n)
    const most = scoreFields(corpus, terms, settings.fields, lexical) || 1
    const ranked: RankedMemory[] = []
    for (let place = 0; place < n; place++) {
      const slot = slots[place] as number
      const entry = corpus.entry(slot)
      if (options.accept && !options.accept(entry.id)) continue
      const lex = (lexical[place] as number) / most
      const dense = options.dense ? settings.dense * Math.max(0, corpus.dense.dot(slot, options.dense)) : 0
      const speaker = named.has(entry.speaker) ? settings.speaker : 0
      ranked.push({
        id: entry.id,
        score: lex + dense + speaker,
        ...(options.explain && { parts: { lexical: lex, dense, speaker } }),
      })
    }
    ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    return ranked.slice(0, options.limit)
  }
}

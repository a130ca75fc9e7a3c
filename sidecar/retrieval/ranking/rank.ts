import type { Features } from '../../memory/search/entry.ts'
import type { Candidate } from '../../ports/records.ts'
import type { Statistics } from './lexical.ts'
import type { Query } from './query.ts'
import { hasEvidence, relevanceOf } from './relevance.ts'
import { DEFAULT_SETTINGS, type RankSettings } from './settings.ts'
import { createSignals, type Signal } from './signals.ts'
import type { SimilarityScale } from './similarity-scale.ts'
import { buildTimeline } from './timeline.ts'

export interface Ranked {
  id: string
  /** Relevance, 0…1; means the same from query to query. */
  score: number
  /** Weighted part of each signal; the score grows with their sum. */
  parts: () => Record<string, number>
}

export interface RankOptions {
  scale?: SimilarityScale | undefined
  /** By memory id: how near the graph places a memory to the query, 0…1. */
  strengths?: ReadonlyMap<string, number> | undefined
}

const NO_STRENGTHS: ReadonlyMap<string, number> = new Map()

export interface RankedCandidates {
  ranked: Ranked[]
  /** Whether one of the candidates has something to do with the query. */
  isRelevant: boolean
}

/**
 * Ranks candidates by the weighted sum of several signals, so that each signal can find memories that the others miss.
 * Best first; equal scores in order of id. The result does not depend on the order of the candidates.
 */
export function rank(
  candidates: readonly Pick<Candidate, 'id' | 'search' | 'similarity'>[],
  query: Query,
  statistics: Statistics,
  settings: RankSettings = DEFAULT_SETTINGS,
  { scale, strengths = NO_STRENGTHS }: RankOptions = {},
): RankedCandidates {
  // Made by `toSearchEntry`; the store returns features as it got them.
  const items = candidates.map((one) => ({ ...(one.search.features as Features), ...one }))
  const timeline = buildTimeline(items)
  const signalsAt = createSignals(timeline, query, statistics, settings, { scale, strengths })
  const { weights } = settings
  const names = Object.keys(weights) as Signal[]
  let isRelevant = false
  const sums = timeline.items.map(({ id }, place) => {
    const signals = signalsAt(place)
    isRelevant ||= hasEvidence(signals, query, settings.floor)
    let sum = 0
    for (const name of names) sum += weights[name] * signals[name]
    return { id, sum, signals }
  })
  sums.sort((a, b) => b.sum - a.sum || (a.id < b.id ? -1 : 1))
  const ranked = sums.map(({ id, sum, signals }): Ranked => {
    const parts = () => Object.fromEntries(names.map((name) => [name, weights[name] * signals[name]]))
    return { id, score: relevanceOf(sum), parts }
  })
  return { ranked, isRelevant }
}

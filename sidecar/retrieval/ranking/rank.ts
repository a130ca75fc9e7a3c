import type { Features } from '../../memory/search/entry.ts'
import type { Candidate } from '../../ports/records.ts'
import type { Statistics } from './lexical.ts'
import type { Query } from './query.ts'
import { hasEvidence, relevanceOf } from './relevance.ts'
import { countsVectors, DEFAULT_SETTINGS, type RankSettings } from './settings.ts'
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

/** Up to so many memories in a scope, a query in the first person is answered even if it shares nothing with them. */
const FEW_MEMORIES = 5

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
  const items = candidates.map(({ id, search, similarity }) => {
    return { id, search, similarity, features: search.features as Features }
  })
  const timeline = buildTimeline(items)
  const signals = createSignals(timeline, query, statistics, settings, { scale, strengths })
  const { weights } = settings
  const names = Object.keys(weights) as Signal[]
  const sums = new Float64Array(items.length)
  for (const name of names) {
    const [weight, values] = [weights[name], signals[name]]
    for (let place = 0; place < sums.length; place++) {
      sums[place] = (sums[place] as number) + weight * (values[place] as number)
    }
  }
  // Few memories lack the words of most questions. Embeddings compare meanings, so they decide where there are some.
  const isAboutFew = query.isFirstPerson && statistics.total <= FEW_MEMORIES && !countsVectors(settings)
  const isRelevant =
    items.length > 0 &&
    (isAboutFew || items.some((_, place) => hasEvidence(signals, place, query, settings.floor)))
  const placed = timeline.items.map(({ id }, place) => ({ id, sum: sums[place] as number, place }))
  placed.sort((a, b) => b.sum - a.sum || (a.id < b.id ? -1 : 1))
  const ranked = placed.map(({ id, sum, place }): Ranked => {
    const part = (name: Signal) => weights[name] * (signals[name][place] as number)
    return {
      id,
      score: relevanceOf(sum),
      parts: () => Object.fromEntries(names.map((name) => [name, part(name)])),
    }
  })
  return { ranked, isRelevant }
}

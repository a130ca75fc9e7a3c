import type { Features } from '../../memory/search/entry.ts'
import type { Candidate } from '../../ports/records.ts'
import type { Statistics } from './lexical.ts'
import type { Query } from './query.ts'
import { DEFAULT_SETTINGS, type RankSettings } from './settings.ts'
import { createSignals, type Signal } from './signals.ts'
import { buildTimeline } from './timeline.ts'

export interface Ranked {
  id: string
  /** Sum of the weighted signals, 0 to about 2, or to 4 when the query names a day; comparable within one query only. */
  score: number
  /** Weighted part of each signal; they add up to the score. */
  parts: Record<string, number>
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
): Ranked[] {
  const items = candidates.map(({ id, search, similarity }) => {
    // Made by `toSearchEntry`; the store returns features as it got them.
    return { ...(search.features as Features), id, search, similarity }
  })
  const timeline = buildTimeline(items)
  const signalsAt = createSignals(timeline, query, statistics, settings)
  const { weights } = settings
  const names = Object.keys(weights) as Signal[]
  const ranked = timeline.items.map(({ id }, place): Ranked => {
    const signals = signalsAt(place)
    let score = 0
    for (const name of names) {
      signals[name] *= weights[name]
      score += signals[name]
    }
    return { id, score, parts: signals }
  })
  return ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
}

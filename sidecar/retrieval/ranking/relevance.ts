import type { Query } from './query.ts'
import type { Signal } from './signals.ts'

/** Evidence per standard deviation of similarity beyond the first. */
const DENSE_EVIDENCE = 0.15
/** Words of a usual question. In a longer query, a shared word counts as much as in a question of this length. */
const USUAL_LENGTH = 8

/**
 * Whether a memory has something to do with a query: words, parts of words, a near vector, the time or the speaker that
 * the query names, or a relation. One such memory is enough for the whole query, because an answer often shares no word
 * with it.
 */
export function hasEvidence(
  signals: Readonly<Record<Signal, ArrayLike<number>>>,
  place: number,
  { asksForAnything, length }: Query,
  floor: number,
): boolean {
  if (asksForAnything) return true
  const signal = (name: Signal) => signals[name][place] as number
  const evidence =
    signal('lexical') * Math.max(1, length / USUAL_LENGTH) +
    signal('grams') +
    DENSE_EVIDENCE * Math.max(0, signal('dense') - 1)
  const names = ['day', 'speaker', 'graph'] as const
  return evidence >= floor || signal('temporal') >= 0.5 || names.some((name) => signal(name) > 0)
}

/** Sum of the weighted signals at which half of the memories answer the query, and the width of the transition. */
const MIDPOINT = 2.2
const WIDTH = 0.6

/** Probability that a memory answers the query: the weighted sum on a logistic scale (Platt 1999). */
export function relevanceOf(sum: number): number {
  return 1 / (1 + Math.exp((MIDPOINT - sum) / WIDTH))
}

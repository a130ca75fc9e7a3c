import { readText, termsOf } from '../../text/tokens.ts'
import { speakerKeyOf } from './duplicates.ts'
import type { Rules } from './rules.ts'
import { slotOf } from './slots.ts'

/** What both a fact and a memory have. */
export interface Comparable {
  text: string
  speaker: string
  topic: string | null
  subTopic: string | null
  dense: Float32Array
}

/** Added to the similarity of two texts of one slot: contradictions seldom share words, but they share a slot. */
const SLOT_BONUS = 0.5

/** Words that stand for a speaker in extracted facts and tell nothing of the subject. */
const SPEAKER_WORDS = 'user assistant'

/**
 * Compares two of `pool`, which is everything that one reconciliation looks at: `null` when they are not near, else
 * how similar they are, 0…1.5.
 */
export function nearness(
  pool: readonly Comparable[],
  rules: Rules,
): (a: Comparable, b: Comparable) => number | null {
  const views = new Map(pool.map((one) => [one, viewOf(one)]))
  const weights = termWeights([...views.values()].map((view) => view.terms))
  return (a, b) => {
    const one = views.get(a) ?? viewOf(a)
    const other = views.get(b) ?? viewOf(b)
    if (one.speaker !== other.speaker) return null
    const close = cosine(a.dense, b.dense)
    const shared = overlap(one.terms, other.terms, weights)
    const sameSlot = one.slot !== null && one.slot === other.slot
    if (!sameSlot && close < rules.minCosine && shared < rules.minOverlap) return null
    return Math.max(close, shared, 0) + (sameSlot ? SLOT_BONUS : 0)
  }
}

/**
 * Cosine of two L2-normalised vectors; 0 when they are of different lengths, and so of different embedders, or not
 * numbers.
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return Number.isFinite(sum) ? sum : 0
}

/** Inverse document frequency, ln(1 + N/df): what every text of the pool says ("likes") tells little of two of them. */
export function termWeights(documents: readonly ReadonlySet<string>[]): (term: string) => number {
  const counts = new Map<string, number>()
  for (const terms of documents) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return (term) => Math.log(1 + documents.length / (counts.get(term) ?? 1))
}

/** Weighted overlap coefficient (Szymkiewicz–Simpson): shared weight over that of the lighter set, 0…1. */
export function overlap(
  a: ReadonlySet<string>,
  b: ReadonlySet<string>,
  weight: (term: string) => number,
): number {
  const total = (terms: Iterable<string>) => [...terms].reduce((sum, term) => sum + weight(term), 0)
  const lighter = Math.min(total(a), total(b))
  return lighter > 0 ? total(a.intersection(b)) / lighter : 0
}

function viewOf({ text, speaker, topic, subTopic }: Comparable) {
  const terms = new Set(termsOf(readText(text)))
  for (const term of termsOf(readText(`${SPEAKER_WORDS} ${speaker}`))) terms.delete(term)
  return { terms, speaker: speakerKeyOf(speaker), slot: slotOf(topic, subTopic) }
}

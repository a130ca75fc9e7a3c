import { cosine } from '../../retrieval/ranking/similarity-scale.ts'
import { identityKey, wordKey } from '../../text/identity.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { segment } from '../../text/terms/segment.ts'
import { stem } from '../../text/terms/stem.ts'
import { readText, termsOf } from '../../text/terms/tokens.ts'
import type { KnownMemory } from './types.ts'

/** What facts and memories have in common. */
export type Comparable = Pick<KnownMemory, 'text' | 'speaker' | 'topic' | 'subTopic' | 'dense'>

/** Equal for two statements of one speaker with the same text. */
export function duplicateKeyOf({ speaker, text }: Pick<Comparable, 'speaker' | 'text'>): string {
  return `${wordKey(speaker)}\n${identityKey(text)}`
}

/** Equal for `Food preferences` and `food_preference`; `null` without a topic, and for "other" without a sub-topic. */
export function topicKeyOf(topic: string | null, subTopic: string | null): string | null {
  const main = stemsOf(topic ?? '')
  const sub = stemsOf(subTopic ?? '')
  return main === '' || (main === OTHER && sub === '') ? null : `${main}/${sub}`
}

const OTHER = stem('other', 'english')

function stemsOf(label: string): string {
  return segment(normalise(label))
    .flatMap((word) => (word.kind === 'gram' ? [] : [stem(word.text, 'english')]))
    .join(' ')
}

/** Added for texts with the same topic key: contradictions seldom share words, but they share a topic. */
const SAME_TOPIC_BONUS = 0.5

/**
 * Minimum cosine of near texts, and minimum weighted share of the shorter text's content terms. Both are low: an
 * unnecessary pair costs about thirty tokens, but a missed contradiction stays in the memory.
 */
const MIN_COSINE = 0.5
const MIN_OVERLAP = 0.5

/** Words that stand for a speaker in extracted facts and carry no subject. */
const SPEAKER_WORDS = 'user assistant'

/** Creates a comparison of two of `pool`. It returns their similarity, 0…1.5, or `null` when they are not near. */
export function createSimilarity(
  pool: readonly Comparable[],
): (a: Comparable, b: Comparable) => number | null {
  const views = new Map(pool.map((one) => [one, viewOf(one)]))
  const weights = termWeights([...views.values()].map((view) => view.terms))
  return (a, b) => {
    const one = views.get(a) ?? viewOf(a)
    const other = views.get(b) ?? viewOf(b)
    if (one.speaker !== other.speaker) return null
    const close = cosine(a.dense, b.dense)
    // Texts that differ only in symbols, case or width are near, even if they have no content words.
    const shared = one.words === other.words ? 1 : overlap(one.terms, other.terms, weights)
    const isSameTopic = one.topicKey !== null && one.topicKey === other.topicKey
    if (!isSameTopic && close < MIN_COSINE && shared < MIN_OVERLAP) return null
    return Math.max(close, shared, 0) + (isSameTopic ? SAME_TOPIC_BONUS : 0)
  }
}

/** Inverse document frequency, ln(1 + N/df): a term that every text of the pool has ("likes") distinguishes little. */
export function termWeights(documents: readonly ReadonlySet<string>[]): (term: string) => number {
  const counts = new Map<string, number>()
  for (const terms of documents) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return (term) => Math.log(1 + documents.length / (counts.get(term) ?? 1))
}

/** Weighted overlap coefficient (Szymkiewicz–Simpson), 0…1: shared weight divided by that of the lighter set. */
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
  const { words, language } = readText(text)
  // Without symbols: texts that differ in a sign only may contradict each other.
  const terms = new Set(termsOf({ words, language }))
  for (const term of termsOf(readText(`${SPEAKER_WORDS} ${speaker}`))) terms.delete(term)
  return {
    terms,
    words: wordKey(text),
    speaker: wordKey(speaker),
    topicKey: topicKeyOf(topic, subTopic),
  }
}

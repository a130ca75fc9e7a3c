import type { Timeline } from './timeline.ts'

/** Parameters of BM25F. The text of the memory itself has weight 1. */
export interface FieldSettings {
  /** Saturation of term frequency. */
  k1: number
  /** Strength of length normalisation, 0…1. */
  b: number
  /** Weight of the other messages of the same turn. */
  mate: number
  /** Weight of the turn before. */
  before: number
  /** Weight of the turn after. */
  after: number
  /** Weight of the turns two away, on both sides. */
  second: number
}

/** A term of the query as hashes, any of which may occur. */
export interface HashedTerm {
  weight: number
  /** Alternatives: one occurrence counts as `weight` occurrences of the term. */
  forms: readonly { hash: number; weight: number }[]
}

/** Hashes of the terms of a text, with repetitions. */
type Hashes = Uint32Array | Uint16Array

/** What is known of the scope beyond its candidates. */
export interface Statistics {
  /** Number of memories. */
  total: number
  /** Number of memories with a term. Absent: counted among the candidates. */
  frequencies?: ReadonlyMap<number, number> | undefined
}

/** Added to the number of memories, so that a scope of one memory is judged like one of a hundred. */
const PRIOR_MEMORIES = 100

/**
 * BM25F (Robertson, Zaragoza & Taylor 2004; Robertson & Zaragoza 2009 §3.6): the frequencies of a term in all fields are
 * normalised by length and weighted, then saturated once. The fields of a memory are its text, the rest of its turn, and
 * the turns around it, because an answer rarely repeats the words of its question. Related words count as weaker
 * occurrences of the term.
 *
 * @param texts by place
 * @returns scores by place; 1 = each term once in a memory of average length
 */
export function scoreLexically(
  timeline: Timeline<unknown>,
  texts: readonly Hashes[],
  terms: readonly HashedTerm[],
  { total, frequencies }: Statistics,
  { k1, b, ...weights }: FieldSettings,
): Float64Array {
  const scores = new Float64Array(texts.length)
  let unit = 0
  for (const [t, { tfs, documents }] of occurrencesIn(texts, terms, b).entries()) {
    const term = terms[t] as HashedTerm
    const n = total + PRIOR_MEMORIES
    const df = Math.min(total, Math.max(documents, knownFrequency(term, frequencies)))
    const idf = term.weight * Math.log(1 + (n - df + 0.5) / (df + 0.5))
    unit += idf
    if (documents === 0) continue
    const withNeighbours = addNeighbours(timeline, tfs, weights)
    for (let place = 0; place < texts.length; place++) {
      const tf = withNeighbours[place] as number
      if (tf > 0) scores[place] = (scores[place] as number) + (idf * (1 + k1) * tf) / (k1 + tf)
    }
  }
  return unit > 0 ? scores.map((score) => score / unit) : scores
}

interface Occurrences {
  /** Frequencies by place, normalised by the length of the text. */
  tfs: Float64Array
  /** Number of places with the term; an alternative counts by its weight. */
  documents: number
}

/** The alternatives of a term are not summed: the one with the highest weighted frequency counts. */
function occurrencesIn(texts: readonly Hashes[], terms: readonly HashedTerm[], b: number): Occurrences[] {
  const uses = new Map<number, { t: number; weight: number }[]>()
  for (const [t, { forms }] of terms.entries()) {
    for (const { hash, weight } of forms) {
      const known = uses.get(hash)
      if (known) known.push({ t, weight })
      else uses.set(hash, [{ t, weight }])
    }
  }
  const averageLength = texts.reduce((sum, { length }) => sum + length, 0) / Math.max(1, texts.length)
  const all = terms.map(() => ({ tfs: new Float64Array(texts.length), documents: 0 }))
  for (const [place, text] of texts.entries()) {
    const counts = new Map<number, number>()
    for (const hash of text) if (uses.has(hash)) counts.set(hash, (counts.get(hash) ?? 0) + 1)
    const norm = 1 - b + (b * text.length) / averageLength
    const weights = new Map<Occurrences, number>()
    for (const [hash, count] of counts) {
      for (const { t, weight } of uses.get(hash) ?? []) {
        const term = all[t] as Occurrences
        term.tfs[place] = Math.max(term.tfs[place] as number, (weight * count) / norm)
        weights.set(term, Math.max(weight, weights.get(term) ?? 0))
      }
    }
    for (const [term, weight] of weights) term.documents += weight
  }
  return all
}

function addNeighbours(
  { turnOf, turns, sessionOf }: Timeline<unknown>,
  tfs: Float64Array,
  { mate, before, after, second }: Omit<FieldSettings, 'k1' | 'b'>,
): Float64Array {
  const best = sessionOf.map((_, turn) => {
    let most = 0
    for (let place = turns[turn] as number; place < (turns[turn + 1] as number); place++)
      most = Math.max(most, tfs[place] as number)
    return most
  })
  return tfs.map((own, place) => {
    const turn = turnOf[place] as number
    const near = (other: number) => (sessionOf[other] === sessionOf[turn] ? (best[other] as number) : 0)
    let mates = 0
    for (let other = turns[turn] as number; other < (turns[turn + 1] as number); other++)
      if (other !== place) mates = Math.max(mates, tfs[other] as number)
    return (
      own +
      mate * mates +
      before * near(turn - 1) +
      after * near(turn + 1) +
      second * (near(turn - 2) + near(turn + 2))
    )
  })
}

function knownFrequency({ forms }: HashedTerm, frequencies: Statistics['frequencies']): number {
  return forms.reduce(
    (most, { hash, weight }) => Math.max(most, weight === 1 ? (frequencies?.get(hash) ?? 0) : 0),
    0,
  )
}

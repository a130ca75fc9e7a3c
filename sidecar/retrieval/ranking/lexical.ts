import type { WeightedTerm } from './expansion.ts'
import type { Neighbours } from './timeline.ts'

/** BM25F parameters. The text of the memory itself has weight 1. */
export interface FieldSettings {
  /** Saturation of term frequency. */
  k1: number
  /** Strength of length normalisation, 0…1. */
  b: number
  /** Weight of the other memories of the turn. */
  turn: number
  /** Weight of the turn before. */
  before: number
  /** Weight of the turn after. */
  after: number
  /** Weight of the turns two places away, on both sides. */
  second: number
}

/** What is known of the scope beyond its candidates. */
export interface Statistics {
  /** Number of memories. */
  total: number
  /** Number of memories with a term. Absent: counted among the candidates. */
  frequencies?: ReadonlyMap<number, number> | undefined
}

/** One field of the candidates, by place. */
export interface Field {
  /** Hashes of its terms, one per occurrence. */
  values: readonly ArrayLike<number>[]
  hash: (form: string) => number
}

/** Memories that are added to the total, so that a word counts in a scope of one memory as in one of a hundred. */
const PRIOR_MEMORIES = 100

/**
 * BM25F (Robertson, Zaragoza & Taylor 2004; Robertson & Zaragoza 2009 §3.6): the frequencies of a term in a memory, in
 * the rest of its turn and in the turns around it are normalised by length and weighted, then saturated once, because an
 * answer rarely repeats the words of its question. Related words count as weaker occurrences of the term.
 *
 * Returns scores by place; 1 = each term once in a memory of average length.
 */
export function scoreLexically(
  { values, hash }: Field,
  neighbours: readonly Neighbours[],
  terms: readonly WeightedTerm[],
  { total, frequencies }: Statistics,
  { k1, b, turn, before, after, second }: FieldSettings,
): Float64Array {
  const scores = new Float64Array(values.length)
  const occurrences = occurrencesOf(terms, values, hash, b)
  const n = Math.max(total, values.length) + PRIOR_MEMORIES
  let unit = 0
  for (const [t, term] of terms.entries()) {
    const { tfs, documents } = occurrences[t] as Occurrences
    const df = Math.max(documents, knownFrequency(term, hash, frequencies))
    const idf = term.weight * Math.log(1 + (n - df + 0.5) / (df + 0.5))
    unit += idf
    if (documents === 0) continue
    const most = (places: readonly number[]) => {
      let max = 0
      for (const place of places) max = Math.max(max, tfs[place] as number)
      return max
    }
    for (const place of placesNear(tfs, neighbours)) {
      const near = neighbours[place] as Neighbours
      const tf =
        (tfs[place] as number) +
        turn * most(near.turn) +
        before * most(near.before) +
        after * most(near.after) +
        second * (most(near.secondBefore) + most(near.secondAfter))
      scores[place] = (scores[place] as number) + (idf * (1 + k1) * tf) / (k1 + tf)
    }
  }
  return unit > 0 ? scores.map((score) => score / unit) : scores
}

/** The places with an occurrence, and those around them: being neighbours is mutual. */
function placesNear(tfs: Float64Array, neighbours: readonly Neighbours[]): Set<number> {
  const places = new Set<number>()
  for (let place = 0; place < tfs.length; place++) {
    if (tfs[place] === 0) continue
    places.add(place)
    const { turn, before, after, secondBefore, secondAfter } = neighbours[place] as Neighbours
    for (const group of [turn, before, after, secondBefore, secondAfter]) {
      for (const other of group) places.add(other)
    }
  }
  return places
}

interface Occurrences {
  /** Frequencies by place, normalised by the length of the field. */
  tfs: Float64Array
  /** Number of places with the term; a related word counts by its weight. */
  documents: number
}

/** The alternatives of a term are not summed: the one with the highest weighted frequency counts. */
function occurrencesOf(
  terms: readonly WeightedTerm[],
  values: readonly ArrayLike<number>[],
  hash: (form: string) => number,
  b: number,
): Occurrences[] {
  const uses = usesOf(terms, hash)
  const averageLength = values.reduce((sum, { length }) => sum + length, 0) / Math.max(1, values.length)
  const all = terms.map(() => ({ tfs: new Float64Array(values.length), documents: 0 }))
  for (const [place, value] of values.entries()) {
    const counts = new Map<number, number>()
    for (let i = 0; i < value.length; i++) {
      const hashed = value[i] as number
      if (uses.has(hashed)) counts.set(hashed, (counts.get(hashed) ?? 0) + 1)
    }
    const norm = 1 - b + (b * value.length) / averageLength
    const weights = new Map<Occurrences, number>()
    for (const [hashed, count] of counts) {
      for (const { t, weight } of uses.get(hashed) as Use[]) {
        const term = all[t] as Occurrences
        term.tfs[place] = Math.max(term.tfs[place] as number, (weight * count) / norm)
        weights.set(term, Math.max(weight, weights.get(term) ?? 0))
      }
    }
    for (const [term, weight] of weights) term.documents += weight
  }
  return all
}

interface Use {
  /** Position of the term. */
  t: number
  weight: number
}

/** The terms that each hash is an alternative of. */
function usesOf(terms: readonly WeightedTerm[], hash: (form: string) => number): Map<number, Use[]> {
  const uses = new Map<number, Use[]>()
  const add = (form: string, use: Use) => {
    const hashed = hash(form)
    const known = uses.get(hashed)
    if (known) known.push(use)
    else uses.set(hashed, [use])
  }
  for (const [t, { forms, related }] of terms.entries()) {
    for (const form of forms) add(form, { t, weight: 1 })
    for (const other of related) for (const form of other.forms) add(form, { t, weight: other.weight })
  }
  return uses
}

function knownFrequency(
  { forms }: WeightedTerm,
  hash: (form: string) => number,
  frequencies: Statistics['frequencies'],
): number {
  return forms.reduce((most, form) => Math.max(most, frequencies?.get(hash(form)) ?? 0), 0)
}

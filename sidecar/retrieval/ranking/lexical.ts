import type { Candidate } from '../../ports/records.ts'
import { hashTerm } from '../../text/terms/hash.ts'
import type { WeightedTerm } from './expansion.ts'
import type { Timeline } from './timeline.ts'

/** BM25F parameters. The text of the memory itself has weight 1. */
export interface FieldSettings {
  /** Saturation of term frequency. */
  k1: number
  /** Strength of length normalisation, 0…1. */
  b: number
  /** Weight of the text said just before. */
  before: number
  /** Weight of the next memory. */
  after: number
  /** Weight of the memories two places away, on both sides. */
  second: number
}

/** What is known of the scope beyond its candidates. */
export interface Statistics {
  /** Number of memories. */
  total: number
  /** Number of memories with a term. Absent: counted among the candidates. */
  frequencies?: ReadonlyMap<number, number> | undefined
}

/**
 * BM25F (Robertson, Zaragoza & Taylor 2004; Robertson & Zaragoza 2009 §3.6): the frequencies of a term in all fields are
 * normalised by length and weighted, then saturated once. The fields of a memory are its text, the text said just before
 * it, and its neighbours in the session, because an answer rarely repeats the words of its question. Related words count
 * as weaker occurrences of the term.
 *
 * Returns scores by place; 1 = each term once in a memory of average length.
 */
export function scoreLexically(
  { items, sessions }: Pick<Timeline<Pick<Candidate, 'search'>>, 'items' | 'sessions'>,
  terms: readonly WeightedTerm[],
  { total, frequencies }: Statistics,
  { k1, b, before, after, second }: FieldSettings,
): Float64Array {
  const n = items.length
  const fieldOf = (field: 'terms' | 'context') => items.map(({ search }) => search[field])
  const own = frequenciesIn(terms, fieldOf('terms'), b)
  const context = frequenciesIn(terms, fieldOf('context'), b)
  const scores = new Float64Array(n)
  let unit = 0
  for (const [t, term] of terms.entries()) {
    const { tfs, documents } = own[t] as Occurrences
    const { tfs: contextTfs } = context[t] as Occurrences
    const df = Math.min(total, Math.max(documents, knownFrequency(term, frequencies)))
    const idf = term.weight * Math.log(1 + (total - df + 0.5) / (df + 0.5))
    unit += idf
    for (let place = 0; place < n; place++) {
      const near = (other: number) => (sessions[other] === sessions[place] ? (tfs[other] as number) : 0)
      // The context contains the text of the previous memory, so only one of the two counts.
      const hasContext = (items[place] as Pick<Candidate, 'search'>).search.context.length > 0
      const previous = hasContext ? (contextTfs[place] as number) : near(place - 1)
      const tf =
        (tfs[place] as number) +
        before * previous +
        after * near(place + 1) +
        second * (near(place - 2) + near(place + 2))
      if (tf > 0) scores[place] = (scores[place] as number) + (idf * (1 + k1) * tf) / (k1 + tf)
    }
  }
  return unit > 0 ? scores.map((score) => score / unit) : scores
}

interface Occurrences {
  /** Frequencies by place, normalised by the length of the field. */
  tfs: Float64Array
  /** Number of places with the term; a related word counts by its weight. */
  documents: number
}

/** The alternatives of a term are not summed: the one with the highest weighted frequency counts. */
function frequenciesIn(
  terms: readonly WeightedTerm[],
  fields: readonly Uint32Array[],
  b: number,
): Occurrences[] {
  const uses = usesOf(terms)
  const filled = fields.filter(({ length }) => length > 0)
  const averageLength = filled.reduce((sum, { length }) => sum + length, 0) / Math.max(1, filled.length)
  const all = terms.map(() => ({ tfs: new Float64Array(fields.length), documents: 0 }))
  for (const [place, field] of fields.entries()) {
    const counts = new Map<number, number>()
    for (const hash of field) if (uses.has(hash)) counts.set(hash, (counts.get(hash) ?? 0) + 1)
    const norm = 1 - b + (b * field.length) / averageLength
    const weights = new Map<Occurrences, number>()
    for (const [hash, count] of counts) {
      for (const { t, weight } of uses.get(hash) as Use[]) {
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
function usesOf(terms: readonly WeightedTerm[]): Map<number, Use[]> {
  const uses = new Map<number, Use[]>()
  const add = (form: string, use: Use) => {
    const hash = hashTerm(form)
    const known = uses.get(hash)
    if (known) known.push(use)
    else uses.set(hash, [use])
  }
  for (const [t, { forms, related }] of terms.entries()) {
    for (const form of forms) add(form, { t, weight: 1 })
    for (const other of related) for (const form of other.forms) add(form, { t, weight: other.weight })
  }
  return uses
}

function knownFrequency({ forms }: WeightedTerm, frequencies: Statistics['frequencies']): number {
  return forms.reduce((most, form) => Math.max(most, frequencies?.get(hashTerm(form)) ?? 0), 0)
}

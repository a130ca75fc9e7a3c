import type { WeightedTerm } from './expansion.ts'
import type { Timeline, Turn } from './timeline.ts'

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
  /** Hashes of the terms of the text before; counts where no other message of the turn is a candidate. */
  contexts?: readonly ArrayLike<number>[]
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
  { values, contexts, hash }: Field,
  timeline: Timeline<unknown>,
  terms: readonly WeightedTerm[],
  { total, frequencies }: Statistics,
  settings: FieldSettings,
): Float64Array {
  const scores = new Float64Array(values.length)
  const n = Math.max(total, values.length) + PRIOR_MEMORIES
  const spread = createSpread(timeline, settings)
  const lookup = lookUp(terms, hash)
  const before = contexts && occurrencesOf(terms.length, contexts, lookup, settings.b)
  const own = occurrencesOf(terms.length, values, lookup, settings.b)
  let unit = 0
  for (const [t, { places, tfs, documents }] of own.entries()) {
    const term = terms[t] as WeightedTerm
    const df = Math.max(documents, knownFrequency(term, hash, frequencies))
    const idf = term.weight * Math.log(1 + (n - df + 0.5) / (df + 0.5))
    unit += idf
    spread({ places, tfs }, before?.[t] ?? NOWHERE, (place, tf) => {
      scores[place] = (scores[place] as number) + (idf * (1 + settings.k1) * tf) / (settings.k1 + tf)
    })
  }
  return unit > 0 ? scores.map((score) => score / unit) : scores
}

/** Returns a function that visits each place near an occurrence of a term once, with its weighted frequency. */
function createSpread(
  { turns, turnOf }: Timeline<unknown>,
  { turn: mate, before, after, second }: FieldSettings,
) {
  // By turn: the highest frequency, and the last term that was near. By place: frequencies of the term.
  const most = new Float64Array(turns.length)
  const lastTerm = new Uint32Array(turns.length)
  const frequencies = new Float64Array(turnOf.length)
  const inContext = new Float64Array(turnOf.length)
  let term = 0
  const mostIn = (at: number) => (at < 0 ? 0 : (most[at] as number))
  return (
    { places, tfs }: Omit<Occurrences, 'documents'>,
    context: Omit<Occurrences, 'documents'>,
    visit: (place: number, tf: number) => void,
  ): void => {
    term += 1
    const touched: number[] = []
    const touch = (at: number): void => {
      if (at < 0 || lastTerm[at] === term) return
      lastTerm[at] = term
      touched.push(at)
    }
    for (let i = 0; i < context.places.length; i++) {
      const place = context.places[i] as number
      inContext[place] = context.tfs[i] as number
      touch(turnOf[place] as number)
    }
    for (let i = 0; i < places.length; i++) {
      const place = places[i] as number
      const at = turnOf[place] as number
      frequencies[place] = tfs[i] as number
      most[at] = Math.max(most[at] as number, tfs[i] as number)
      const { before, after, secondBefore, secondAfter } = turns[at] as Turn
      touch(at)
      touch(before)
      touch(after)
      touch(secondBefore)
      touch(secondAfter)
    }
    for (const at of touched) {
      const turn = turns[at] as Turn
      const around =
        before * mostIn(turn.before) +
        after * mostIn(turn.after) +
        second * (mostIn(turn.secondBefore) + mostIn(turn.secondAfter))
      for (let place = turn.start; place < turn.end; place++) {
        let rest = turn.end - turn.start > 1 ? 0 : (inContext[place] as number)
        for (let other = turn.start; other < turn.end; other++) {
          if (other !== place) rest = Math.max(rest, frequencies[other] as number)
        }
        const tf = (frequencies[place] as number) + mate * rest + around
        if (tf > 0) visit(place, tf)
      }
    }
    for (const place of context.places) inContext[place] = 0
    for (const place of places) {
      frequencies[place] = 0
      most[turnOf[place] as number] = 0
    }
  }
}

const NOWHERE: Omit<Occurrences, 'documents'> = { places: [], tfs: [] }

interface Occurrences {
  /** The places with the term, ascending. */
  places: number[]
  /** Frequencies at these places, normalised by the length of the field. */
  tfs: number[]
  /** Number of these places; a related word counts by its weight. */
  documents: number
}

/** The alternatives of a term are not summed: the one with the highest weighted frequency counts. */
function occurrencesOf(
  termCount: number,
  values: readonly ArrayLike<number>[],
  { uses, indexOf }: Lookup,
  b: number,
): Occurrences[] {
  const averageLength = values.reduce((sum, { length }) => sum + length, 0) / Math.max(1, values.length)
  const all = Array.from({ length: termCount }, (): Occurrences => ({ places: [], tfs: [], documents: 0 }))
  const counts = new Uint32Array(uses.length)
  const weights = new Float64Array(termCount)
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as ArrayLike<number>
    const found: number[] = []
    const { length } = value
    for (let i = 0; i < length; i++) {
      const index = indexOf(value[i] as number)
      if (index < 0) continue
      if (counts[index] === 0) found.push(index)
      counts[index] = (counts[index] as number) + 1
    }
    const norm = 1 - b + (b * length) / averageLength
    for (const index of found) {
      for (const { t, weight } of uses[index] as Use[]) {
        const { places, tfs } = all[t] as Occurrences
        const tf = (weight * (counts[index] as number)) / norm
        if (weights[t] === 0) {
          places.push(place)
          tfs.push(tf)
        } else tfs[tfs.length - 1] = Math.max(tfs.at(-1) as number, tf)
        weights[t] = Math.max(weights[t] as number, weight)
      }
    }
    for (const index of found) {
      counts[index] = 0
      for (const { t } of uses[index] as Use[]) {
        const term = all[t] as Occurrences
        term.documents += weights[t] as number
        weights[t] = 0
      }
    }
  }
  return all
}

interface Use {
  /** Position of the term. */
  t: number
  weight: number
}

interface Lookup {
  /** The terms that each distinct hash is an alternative of. */
  uses: readonly (readonly Use[])[]
  /** Index of a hash in `uses`; -1 for another one. */
  indexOf: (hashed: number) => number
}

function lookUp(terms: readonly WeightedTerm[], hash: (form: string) => number): Lookup {
  const uses: Use[][] = []
  const indexes = new Map<number, number>()
  // Most hashes of a text are no terms of the query, and a bit set tells so faster than the map.
  const known = new Uint8Array(SET_SIZE)
  const add = (form: string, use: Use) => {
    const hashed = hash(form)
    const index = indexes.get(hashed) ?? uses.push([]) - 1
    indexes.set(hashed, index)
    known[hashed & (SET_SIZE - 1)] = 1
    uses[index]?.push(use)
  }
  for (const [t, { forms, related }] of terms.entries()) {
    for (const form of forms) add(form, { t, weight: 1 })
    for (const other of related) for (const form of other.forms) add(form, { t, weight: other.weight })
  }
  const indexOf = (hashed: number) =>
    known[hashed & (SET_SIZE - 1)] === 0 ? -1 : (indexes.get(hashed) ?? -1)
  return { uses, indexOf }
}

const SET_SIZE = 2 ** 14

function knownFrequency(
  { forms }: WeightedTerm,
  hash: (form: string) => number,
  frequencies: Statistics['frequencies'],
): number {
  return forms.reduce((most, form) => Math.max(most, frequencies?.get(hash(form)) ?? 0), 0)
}

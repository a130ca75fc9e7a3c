import type { Corpus } from './corpus.ts'
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

/**
 * BM25F (Robertson, Zaragoza & Taylor 2004; Robertson & Zaragoza 2009 §3.6): the frequencies of a term in all fields are
 * normalised by length and weighted, then saturated once. The fields of a memory are its text, the text said just before
 * it, and its neighbours in the session, because an answer rarely repeats the words of its question. Related words count
 * as weaker occurrences of the term.
 *
 * Returns scores by place; 1 = each term once in a memory of average length.
 */
export function scoreFields(
  corpus: Corpus,
  timeline: Timeline,
  terms: readonly WeightedTerm[],
  settings: FieldSettings,
): Float64Array {
  const n = timeline.slots.length
  const scores = new Float64Array(n)
  const occurrences = new Occurrences(corpus, timeline.places, settings.b)
  let unit = 0
  for (const term of terms) {
    const df = occurrences.load(term)
    const idf = term.weight * Math.log(1 + (n - df + 0.5) / (df + 0.5))
    unit += idf
    occurrences.spread(timeline.sessions, settings, (place, tf) => {
      scores[place] = (scores[place] as number) + (idf * (1 + settings.k1) * tf) / (settings.k1 + tf)
    })
  }
  if (unit > 0) for (let place = 0; place < n; place++) scores[place] = (scores[place] as number) / unit
  return scores
}

/** Normalised frequencies of one term by place. The arrays are reused for the next term. */
class Occurrences {
  readonly #corpus: Corpus
  readonly #places: Int32Array
  readonly #b: number
  readonly #own: Float64Array
  readonly #context: Float64Array
  /** Number of the last term for which a place was scored. */
  readonly #scored: Int32Array
  readonly #touched: number[] = []
  #term = 0

  constructor(corpus: Corpus, places: Int32Array, b: number) {
    this.#corpus = corpus
    this.#places = places
    this.#b = b
    this.#own = new Float64Array(corpus.size)
    this.#context = new Float64Array(corpus.size)
    this.#scored = new Int32Array(corpus.size)
  }

  /** Loads a term and returns its document frequency, in which related words count by their weight. */
  load({ forms, related }: WeightedTerm): number {
    for (const place of this.#touched) {
      this.#own[place] = 0
      this.#context[place] = 0
    }
    this.#touched.length = 0
    this.#term++
    let df = this.#add(forms, 1)
    for (const { forms: others, weight } of related) df += this.#add(others, weight)
    return df
  }

  /** The alternatives in a memory are not summed: the one with the highest weight counts. */
  #add(forms: readonly string[], weight: number): number {
    const { own, context } = this.#corpus
    let df = 0
    for (const form of forms) {
      const { slots, counts } = own.get(form)
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i] as number
        const place = this.#places[slot] as number
        const norm = 1 - this.#b + (this.#b * own.lengthOf(slot)) / own.averageLength
        const previous = this.#own[place] as number
        if (previous === 0) df += weight
        if (previous === 0 && this.#context[place] === 0) this.#touched.push(place)
        this.#own[place] = Math.max(previous, (weight * (counts[i] as number)) / norm)
      }
      const before = context.get(form)
      for (let i = 0; i < before.slots.length; i++) {
        const slot = before.slots[i] as number
        const place = this.#places[slot] as number
        const norm = 1 - this.#b + (this.#b * context.lengthOf(slot)) / context.averageLength
        const previous = this.#context[place] as number
        if (previous === 0 && this.#own[place] === 0) this.#touched.push(place)
        this.#context[place] = Math.max(previous, (weight * (before.counts[i] as number)) / norm)
      }
    }
    return df
  }

  /**
   * Visits each place near an occurrence once, with its weighted frequency. The terms of the sum have a fixed order, so
   * that the floating-point result does not depend on the order of postings.
   */
  spread(
    sessions: Int32Array,
    { before, after, second }: FieldSettings,
    visit: (place: number, tf: number) => void,
  ): void {
    const own = this.#own
    const last = own.length - 1
    for (const origin of this.#touched) {
      const session = sessions[origin]
      for (let at = Math.max(0, origin - 2); at <= Math.min(last, origin + 2); at++) {
        if (sessions[at] !== session || this.#scored[at] === this.#term) continue
        this.#scored[at] = this.#term
        const near = (place: number) => (sessions[place] === session ? (own[place] as number) : 0)
        // The context contains the text of the previous memory, so only one of the two counts.
        const previous = this.#corpus.hasContext(at) ? (this.#context[at] as number) : near(at - 1)
        const tf =
          (own[at] as number) +
          before * previous +
          after * near(at + 1) +
          second * (near(at - 2) + near(at + 2))
        if (tf > 0) visit(at, tf)
      }
    }
  }
}

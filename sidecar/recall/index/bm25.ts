import type { Corpus } from './corpus.ts'

/**
 * BM25F (Robertson, Zaragoza & Taylor 2004; Robertson & Zaragoza 2009 §3.6): term frequencies of all
 * fields are length-normalised and weighted first, then saturated once. A memory has as fields its own
 * text, the raw text said before it, and its neighbours in the session: the answer to a question
 * rarely repeats the question's words.
 */
export interface FieldSettings {
  k1: number
  /** Strength of length normalisation, 0…1. */
  b: number
  /** Weight of the text said just before. */
  before: number
  /** Weight of the memory just after. */
  after: number
  /** Weight of memories two places away, on either side. */
  second: number
}

/** A term of the expanded question: alternatives that count as one term, and a weight. */
export interface WeightedTerm {
  forms: readonly string[]
  weight: number
}

/** Adds each term's part to `scores` (by place) and returns the highest score that is possible. */
export function scoreFields(
  corpus: Corpus,
  terms: readonly WeightedTerm[],
  settings: FieldSettings,
  scores: Float64Array,
): number {
  const { places, sessions } = corpus.timeline
  const n = scores.length
  const scratch = new Scratch(n)
  let most = 0
  for (const { forms, weight } of terms) {
    const df = scratch.load(corpus, forms, settings.b, places)
    const idf = Math.log(1 + (n - df + 0.5) / (df + 0.5))
    most += weight * idf
    if (scratch.touched.length === 0) continue
    const gain = weight * idf * (1 + settings.k1)
    for (const place of scratch.touched) {
      for (let at = Math.max(0, place - 2); at <= Math.min(n - 1, place + 2); at++) {
        if (sessions[at] !== sessions[place] || !scratch.firstVisit(at)) continue
        const tf = gather(scratch, corpus, sessions, at, settings)
        if (tf > 0) scores[at] = (scores[at] as number) + (gain * tf) / (settings.k1 + tf)
      }
    }
    scratch.clear()
  }
  return most
}

/** Weighted term frequency of a place: always added up in the same order, so that it is reproducible. */
function gather(
  { own, context }: Scratch,
  corpus: Corpus,
  sessions: Int32Array,
  at: number,
  { before, after, second }: FieldSettings,
): number {
  const session = sessions[at]
  const near = (place: number) => (sessions[place] === session ? (own[place] as number) : 0)
  const entry = corpus.entry(corpus.timeline.slots[at] as number)
  // The raw text before holds the kept memory before, so only one of them counts.
  const previous = entry.hasContext ? (context[at] as number) : near(at - 1)
  return (
    (own[at] as number) + before * previous + after * near(at + 1) + second * (near(at - 2) + near(at + 2))
  )
}

/** Length-normalised frequencies of one term, by place; emptied between terms rather than made anew. */
class Scratch {
  readonly own: Float64Array
  readonly context: Float64Array
  readonly touched: number[] = []
  readonly #visited: Int32Array
  #visit = 0

  constructor(size: number) {
    this.own = new Float64Array(size)
    this.context = new Float64Array(size)
    this.#visited = new Int32Array(size)
  }

  /** Loads the frequencies of a term and returns in how many memories it is. */
  load(corpus: Corpus, forms: readonly string[], b: number, places: Int32Array): number {
    this.#visit++
    let df = 0
    const ownAverage = corpus.own.averageLength
    const contextAverage = corpus.context.averageLength
    for (const form of forms) {
      const list = corpus.own.get(form)
      for (let i = 0; i < list.slots.length; i++) {
        const slot = list.slots[i] as number
        const place = places[slot] as number
        const norm = 1 - b + (b * corpus.own.lengthOf(slot)) / ownAverage
        const tf = (list.counts[i] as number) / norm
        if (this.own[place] === 0) {
          df++
          this.touched.push(place)
        }
        // Alternatives of one word never add up.
        if (tf > (this.own[place] as number)) this.own[place] = tf
      }
      const said = corpus.context.get(form)
      for (let i = 0; i < said.slots.length; i++) {
        const slot = said.slots[i] as number
        const place = places[slot] as number
        const norm = 1 - b + (b * corpus.context.lengthOf(slot)) / contextAverage
        if (this.own[place] === 0 && this.context[place] === 0) this.touched.push(place)
        this.context[place] = Math.max(this.context[place] as number, (said.counts[i] as number) / norm)
      }
    }
    return df
  }

  firstVisit(place: number): boolean {
    if (this.#visited[place] === this.#visit) return false
    this.#visited[place] = this.#visit
    return true
  }

  clear(): void {
    for (const place of this.touched) {
      this.own[place] = 0
      this.context[place] = 0
    }
    this.touched.length = 0
  }
}

/** BM25 parameters, as those of the ranking. */
const K1 = 1.2
const B = 0.5
/** Weight of an occurrence in the text said just before. */
const CONTEXT = 0.5

const MASK = 0xffff

/** BM25 over records that are added one by one. */
export class LexicalScan {
  readonly #weights: readonly number[]
  readonly #indexes = new Map<number, number>()
  /** Low bits of the query terms: most terms of a record are rejected by this array alone. */
  readonly #mayMatch = new Uint8Array(MASK + 1)
  /** Frequencies in the current record by query term. */
  readonly #own: Float64Array
  readonly #context: Float64Array
  readonly #touched: number[] = []
  readonly #lengths: number[] = []
  /** Triples: record, query term, weighted frequency. */
  readonly #hits: number[] = []
  readonly #frequencies: number[]
  #totalLength = 0

  constructor(terms: ReadonlyMap<number, number>) {
    this.#weights = [...terms.values()]
    for (const term of terms.keys()) {
      this.#indexes.set(term, this.#indexes.size)
      this.#mayMatch[term & MASK] = 1
    }
    this.#own = new Float64Array(terms.size)
    this.#context = new Float64Array(terms.size)
    this.#frequencies = Array.from(terms, () => 0)
  }

  /** @param words an array that holds both lists of terms of the record, the context after the text */
  add(words: Uint32Array, start: number, termCount: number, contextCount: number): void {
    const end = start + termCount
    this.#count(words, start, end, this.#own)
    this.#count(words, end, end + contextCount, this.#context)
    const record = this.#lengths.length
    this.#lengths.push(termCount)
    this.#totalLength += termCount
    for (const term of this.#touched) {
      const [own, context] = [this.#own[term] as number, this.#context[term] as number]
      if (own + context === 0) continue
      if (own > 0) this.#frequencies[term] = (this.#frequencies[term] as number) + 1
      this.#hits.push(record, term, own + CONTEXT * context)
      this.#own[term] = 0
      this.#context[term] = 0
    }
    this.#touched.length = 0
  }

  #count(words: Uint32Array, start: number, end: number, counts: Float64Array): void {
    const mayMatch = this.#mayMatch
    for (let i = start; i < end; i++) {
      const word = words[i] as number
      if (mayMatch[word & MASK] === 0) continue
      const term = this.#indexes.get(word)
      if (term === undefined) continue
      counts[term] = (counts[term] as number) + 1
      this.#touched.push(term)
    }
  }

  /** Scores by record, in the order in which they were added; 0 without a query term. */
  scores(): Float64Array {
    const n = this.#lengths.length
    const scores = new Float64Array(n)
    const meanLength = Math.max(1, this.#totalLength / n)
    const idf = this.#frequencies.map(
      (df, term) => (this.#weights[term] as number) * Math.log(1 + (n - df + 0.5) / (df + 0.5)),
    )
    for (let i = 0; i < this.#hits.length; i += 3) {
      const [record, term, tf] = [this.#hits[i], this.#hits[i + 1], this.#hits[i + 2]] as [
        number,
        number,
        number,
      ]
      const norm = K1 * (1 - B + (B * (this.#lengths[record] as number)) / meanLength)
      scores[record] = (scores[record] as number) + ((idf[term] as number) * tf * (1 + K1)) / (tf + norm)
    }
    return scores
  }

  /** Number of added records with each query term in their text. */
  frequencies(): Map<number, number> {
    return new Map([...this.#indexes].map(([hash, term]) => [hash, this.#frequencies[term] as number]))
  }
}

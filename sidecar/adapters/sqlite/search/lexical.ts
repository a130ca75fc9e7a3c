import { findTerm, type Head, type Postings, TermHits } from './blocks.ts'

/** BM25 parameters, as those of the ranking. */
const K1 = 1.2
const B = 0.5
/** Weight of an occurrence in the text said just before. */
const CONTEXT = 0.5

/** BM25 over records that are added in turn. */
export class LexicalScan {
  readonly #terms: readonly number[]
  readonly #weights: readonly number[]
  /** Number of added records. */
  #size = 0
  /** Those that are not removed. */
  #live = 0
  #totalLength = 0
  #lengths = new Uint32Array(1024)
  /** Weighted frequency of query term `#hitTerms[i]` in record `#hitRecords[i]`. */
  #hits = 0
  #hitRecords = new Uint32Array(1024)
  #hitTerms = new Uint8Array(1024)
  #hitCounts = new Float32Array(1024)
  readonly #frequencies: number[]
  readonly #found = new TermHits()

  constructor(terms: ReadonlyMap<number, number>) {
    this.#terms = [...terms.keys()]
    this.#weights = [...terms.values()]
    this.#frequencies = this.#terms.map(() => 0)
  }

  /** @param isRemoved by place; absent: none is */
  add({ termCounts }: Head, postingsOf: (bucket: number) => Postings, isRemoved?: Uint8Array): void {
    const first = this.#size
    this.#addLengths(termCounts, isRemoved)
    const found = this.#found
    for (let term = 0; term < this.#terms.length; term++) {
      findTerm(this.#terms[term] as number, postingsOf, found)
      for (let i = 0; i < found.count; i++) {
        const place = found.touched[i] as number
        if (isRemoved?.[place] !== 1) {
          this.#addHit(first + place, term, found.own[place] as number, found.context[place] as number)
        }
        found.own[place] = 0
        found.context[place] = 0
      }
      found.count = 0
    }
  }

  #addHit(record: number, term: number, own: number, context: number): void {
    const at = this.#hits
    if (at === this.#hitRecords.length) {
      this.#hitRecords = grown(this.#hitRecords, new Uint32Array(2 * at))
      this.#hitTerms = grown(this.#hitTerms, new Uint8Array(2 * at))
      this.#hitCounts = grown(this.#hitCounts, new Float32Array(2 * at))
    }
    this.#hitRecords[at] = record
    this.#hitTerms[at] = term
    this.#hitCounts[at] = own + CONTEXT * context
    this.#hits = at + 1
    if (own > 0) this.#frequencies[term] = (this.#frequencies[term] as number) + 1
  }

  #addLengths(lengths: Uint32Array, isRemoved: Uint8Array | undefined): void {
    const size = this.#size + lengths.length
    if (size > this.#lengths.length) this.#lengths = grown(this.#lengths, new Uint32Array(2 * size))
    this.#lengths.set(lengths, this.#size)
    this.#size = size
    for (let i = 0; i < lengths.length; i++) {
      if (isRemoved?.[i] === 1) continue
      this.#totalLength += lengths[i] as number
      this.#live += 1
    }
  }

  /** Scores by record, in the order in which they were added; 0 without a query term. */
  scores(): Float64Array {
    const n = this.#live
    const scores = new Float64Array(this.#size)
    const meanLength = Math.max(1, this.#totalLength / Math.max(1, n))
    const idf = this.#frequencies.map(
      (df, term) => (this.#weights[term] as number) * Math.log(1 + (n - df + 0.5) / (df + 0.5)),
    )
    for (let i = 0; i < this.#hits; i++) {
      const record = this.#hitRecords[i] as number
      const tf = this.#hitCounts[i] as number
      const norm = K1 * (1 - B + (B * (this.#lengths[record] as number)) / meanLength)
      const gain = ((idf[this.#hitTerms[i] as number] as number) * tf * (1 + K1)) / (tf + norm)
      scores[record] = (scores[record] as number) + gain
    }
    return scores
  }

  /** Number of added records with each query term in their text. */
  frequencies(): Map<number, number> {
    return new Map(this.#terms.map((hash, term) => [hash, this.#frequencies[term] as number]))
  }
}

function grown<T extends Uint32Array | Uint8Array | Float32Array>(old: T, larger: T): T {
  larger.set(old)
  return larger
}

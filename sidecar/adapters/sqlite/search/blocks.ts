import { codeWords } from './codes.ts'
import { wordsOf } from './packed-vector.ts'
import { slicer } from './slices.ts'

/** What a scan of a large scope reads of a record. */
export interface Scanned {
  /** Keys of the terms, of which only the upper 24 bits are stored: two terms in 16 million are taken for one. */
  terms: Uint32Array
  context: Uint32Array
  bits: Uint32Array
  scale: number
}

/** A hash of the hash, so that its upper bits differ whatever the hash is (Knuth's multiplicative hashing). */
export function keyOf(term: number): number {
  return Math.imul(term, 2_654_435_761) >>> 0
}

/** Occurrences of one term by place of the record in its block, and the places that have some. */
export class TermHits {
  readonly own = new Uint32Array(BLOCK_SIZE)
  readonly context = new Uint32Array(BLOCK_SIZE)
  readonly touched = new Uint8Array(BLOCK_SIZE)
  count = 0
}

/** Consecutive numbers of records that share a block; a posting has 7 bits for a place in the block. */
export const BLOCK_SIZE = 128
const IS_CONTEXT = 0x80

const HEAD_WORDS = 2
const BUCKETS = 256

/**
 * The records of a block, and their postings in buckets by the upper 8 bits of the key. Layout: number of records,
 * words per code; number, number of terms, scale and code of each record; the end of each bucket; of each posting the
 * next 16 bits of the key, and then its record's place in the block and whether the term is of the context.
 */
export class Block {
  readonly count: number
  readonly numbers: Uint32Array
  readonly termCounts: Uint32Array
  readonly scales: Float32Array
  readonly codes: Uint32Array
  readonly #ends: Uint32Array
  readonly #middles: Uint16Array
  readonly #places: Uint8Array

  constructor(bytes: Uint8Array) {
    const [count = 0, perCode = 0] = wordsOf(bytes.subarray(0, 4 * HEAD_WORDS), Uint32Array)
    const words = HEAD_WORDS + count * (3 + perCode) + BUCKETS
    const take = slicer(wordsOf(bytes.subarray(4 * HEAD_WORDS, 4 * words), Uint32Array))
    this.count = count
    this.numbers = take(count)
    this.termCounts = take(count)
    const scales = take(count)
    this.scales = new Float32Array(scales.buffer, scales.byteOffset, count)
    this.codes = take(count * perCode)
    this.#ends = take(BUCKETS)
    const postings = this.#ends.at(-1) as number
    this.#middles = new Uint16Array(bytes.buffer, bytes.byteOffset + 4 * words, postings)
    this.#places = bytes.subarray(4 * words + 2 * postings)
  }

  /** Adds the occurrences of a term to empty counts. */
  find(term: number, hits: TermHits): void {
    const key = keyOf(term)
    const bucket = key >>> 24
    const rest = (key >>> 8) & 0xffff
    const [middles, places] = [this.#middles, this.#places]
    const end = this.#ends[bucket] as number
    for (let i = bucket === 0 ? 0 : (this.#ends[bucket - 1] as number); i < end; i++) {
      if (middles[i] !== rest) continue
      const place = (places[i] as number) & ~IS_CONTEXT
      if (hits.own[place] === 0 && hits.context[place] === 0) hits.touched[hits.count++] = place
      const counts = (places[i] as number) & IS_CONTEXT ? hits.context : hits.own
      counts[place] = (counts[place] as number) + 1
    }
  }

  /** The records by number. */
  entries(): Map<number, Scanned> {
    const perCode = this.codes.length / Math.max(1, this.count)
    const terms: number[][] = Array.from(this.numbers, () => [])
    const context: number[][] = Array.from(this.numbers, () => [])
    let i = 0
    for (const [bucket, end] of this.#ends.entries()) {
      for (; i < end; i++) {
        const place = this.#places[i] as number
        const list = (place & IS_CONTEXT ? context : terms)[place & ~IS_CONTEXT]
        list?.push(((bucket << 24) | ((this.#middles[i] as number) << 8)) >>> 0)
      }
    }
    return new Map(
      Array.from(this.numbers, (number, place) => [
        number,
        {
          terms: Uint32Array.from(terms[place] as number[]),
          context: Uint32Array.from(context[place] as number[]),
          bits: this.codes.subarray(place * perCode, (place + 1) * perCode),
          scale: this.scales[place] as number,
        },
      ]),
    )
  }
}

/** @param dimensions length of the vectors that the codes are of */
export function blockToBytes(entries: ReadonlyMap<number, Scanned>, dimensions: number): Uint8Array {
  const all = [...entries].sort(([a], [b]) => a - b)
  const perCode = codeWords(dimensions)
  const ends = new Uint32Array(BUCKETS)
  const lists = all.flatMap(([, { terms, context }], place) => [
    { keys: terms, place },
    { keys: context, place: place | IS_CONTEXT },
  ])
  for (const { keys } of lists) {
    for (const key of keys) ends[key >>> 24] = (ends[key >>> 24] as number) + 1
  }
  for (let bucket = 1; bucket < BUCKETS; bucket++) {
    ends[bucket] = (ends[bucket] as number) + (ends[bucket - 1] as number)
  }
  const postings = ends.at(-1) as number
  const words = HEAD_WORDS + all.length * (3 + perCode) + BUCKETS
  const bytes = new Uint8Array(4 * words + 3 * postings)
  const head = new Uint32Array(bytes.buffer, 0, words)
  head.set([all.length, perCode])
  const take = slicer(head.subarray(HEAD_WORDS))
  take(all.length).set(all.map(([number]) => number))
  take(all.length).set(all.map(([, { terms }]) => terms.length))
  const scales = take(all.length)
  new Float32Array(bytes.buffer, scales.byteOffset, all.length).set(all.map(([, { scale }]) => scale))
  for (const [, { bits }] of all) take(perCode).set(bits)
  take(BUCKETS).set(ends)
  const middles = new Uint16Array(bytes.buffer, 4 * words, postings)
  const places = bytes.subarray(4 * words + 2 * postings)
  // Filled from the end of each bucket.
  for (const list of lists) {
    for (const key of list.keys) {
      const at = (ends[key >>> 24] as number) - 1
      ends[key >>> 24] = at
      middles[at] = (key >>> 8) & 0xffff
      places[at] = list.place
    }
  }
  return bytes
}

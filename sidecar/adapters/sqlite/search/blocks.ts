import { slicer } from '../../common/slices.ts'
import { type Code, type Codes, codeWords } from './codes.ts'
import { wordsOf } from './packed-vector.ts'

/** What a scan of a large scope reads of a record. */
export interface Scanned extends Code {
  /** Keys of the terms, of which only the upper 24 bits are stored: two terms in 16 million are taken for one. */
  terms: Uint32Array
  context: Uint32Array
}

/** A hash of the hash, so that its upper bits differ whatever the hash is (Knuth's multiplicative hashing). */
export function keyOf(term: number): number {
  return Math.imul(term, 2_654_435_761) >>> 0
}

/** Consecutive numbers of records that share a block. */
export const BLOCK_SIZE = 64
/** Consecutive numbers of records whose blocks are merged into a segment when all of them are used. */
export const SEGMENT_SIZE = 16_384

const IS_CONTEXT = 0x8000

const HEAD_WORDS = 2
/** Words of a record besides its code. */
const RECORD_WORDS = 4

/** Upper bits of a key that are the number of its bucket: in a block, and in a segment. */
const BLOCK_BITS = 8
export const SEGMENT_BITS = 12
const BUCKETS = 2 ** BLOCK_BITS

/** The middle 16 bits of each key; its record's place, and whether the term is of the context. */
interface Postings {
  middles: Uint16Array
  places: Uint16Array
}

/** Postings from `start` to `end`, exclusive. Views of them would take longer to create than to read. */
export interface Bucket extends Postings {
  start: number
  end: number
}

export function placeOf(stored: number): { place: number; isContext: boolean } {
  return { place: stored & ~IS_CONTEXT, isContext: (stored & IS_CONTEXT) !== 0 }
}

/**
 * Records of consecutive numbers. Layout: number of records, words per code; number, number of terms, norm, offset and
 * code of each record.
 */
export class Head implements Codes {
  readonly count: number
  readonly numbers: Uint32Array
  readonly termCounts: Uint32Array
  readonly norms: Float32Array
  readonly offsets: Float32Array
  readonly codes: Uint32Array
  /** What follows. */
  readonly rest: Uint32Array

  constructor(words: Uint32Array) {
    const [count = 0, perCode = 0] = words
    const take = slicer(words.subarray(HEAD_WORDS))
    this.count = count
    this.numbers = take(count)
    this.termCounts = take(count)
    this.norms = asFloats(take(count))
    this.offsets = asFloats(take(count))
    this.codes = take(count * perCode)
    this.rest = words.subarray(HEAD_WORDS + count * (RECORD_WORDS + perCode))
  }
}

/** The postings of a bucket of a segment. */
export function bucketOf(bytes: Uint8Array): Bucket {
  const words = wordsOf(bytes, Uint32Array)
  return { ...toPostings(words), start: 0, end: words.length }
}

/** A head, the end of each bucket, and the postings of all buckets. */
export class Block {
  readonly head: Head
  readonly #ends: Uint32Array
  readonly #postings: Postings

  constructor(bytes: Uint8Array) {
    this.head = new Head(wordsOf(bytes, Uint32Array))
    const { rest } = this.head
    this.#ends = rest.subarray(0, BUCKETS)
    this.#postings = toPostings(rest.subarray(BUCKETS))
  }

  postings(key: number): Bucket {
    return this.#bucket(key >>> (32 - BLOCK_BITS))
  }

  #bucket(bucket: number): Bucket {
    const start = bucket === 0 ? 0 : (this.#ends[bucket - 1] as number)
    const { middles, places } = this.#postings
    return { middles, places, start, end: this.#ends[bucket] as number }
  }

  /** The records by number. */
  entries(): Map<number, Scanned> {
    const { numbers, codes, norms, offsets, count } = this.head
    const perCode = codes.length / Math.max(1, count)
    const terms: number[][] = Array.from(numbers, () => [])
    const context: number[][] = Array.from(numbers, () => [])
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const { middles, places, start, end } = this.#bucket(bucket)
      for (let i = start; i < end; i++) {
        const { place, isContext } = placeOf(places[i] as number)
        const list = (isContext ? context : terms)[place]
        list?.push(((bucket << 24) | ((middles[i] as number) << 8)) >>> 0)
      }
    }
    return new Map(
      Array.from(numbers, (number, place) => [
        number,
        {
          terms: Uint32Array.from(terms[place] as number[]),
          context: Uint32Array.from(context[place] as number[]),
          bits: codes.subarray(place * perCode, (place + 1) * perCode),
          norm: norms[place] as number,
          offset: offsets[place] as number,
        },
      ]),
    )
  }
}

function asFloats({ buffer, byteOffset, length }: Uint32Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length)
}

/** Two lists of the same length in one. */
function toPostings({ buffer, byteOffset, length }: Uint32Array): Postings {
  return {
    middles: new Uint16Array(buffer, byteOffset, length),
    places: new Uint16Array(buffer, byteOffset + 2 * length, length),
  }
}

/** The parts of a block, or of a segment, which stores each bucket by itself. */
interface Parts {
  head: Uint32Array
  ends: Uint32Array
  postings: Postings
}

/**
 * @param dimensions length of the vectors that the codes are of
 * @param bits upper bits of a key that are the number of its bucket
 */
function toParts(entries: ReadonlyMap<number, Scanned>, dimensions: number, bits: number): Parts {
  const all = [...entries].sort(([a], [b]) => a - b)
  const perCode = codeWords(dimensions)
  const head = new Uint32Array(HEAD_WORDS + all.length * (RECORD_WORDS + perCode))
  head.set([all.length, perCode])
  const take = slicer(head.subarray(HEAD_WORDS))
  take(all.length).set(all.map(([number]) => number))
  take(all.length).set(all.map(([, { terms }]) => terms.length))
  asFloats(take(all.length)).set(all.map(([, { norm }]) => norm))
  asFloats(take(all.length)).set(all.map(([, { offset }]) => offset))
  for (const [, { bits }] of all) take(perCode).set(bits)

  const lists = all.flatMap(([, { terms, context }], place) => [
    { keys: terms, place },
    { keys: context, place: place | IS_CONTEXT },
  ])
  const [buckets, shift] = [2 ** bits, 32 - bits]
  const starts = new Uint32Array(buckets + 1)
  for (const { keys } of lists) {
    for (const key of keys) starts[(key >>> shift) + 1] = (starts[(key >>> shift) + 1] as number) + 1
  }
  for (let bucket = 1; bucket <= buckets; bucket++) {
    starts[bucket] = (starts[bucket] as number) + (starts[bucket - 1] as number)
  }
  const postings = toPostings(new Uint32Array(starts[buckets] as number))
  const next = starts.slice()
  for (const { keys, place } of lists) {
    for (const key of keys) {
      const at = next[key >>> shift] as number
      next[key >>> shift] = at + 1
      postings.middles[at] = (key >>> 8) & 0xffff
      postings.places[at] = place
    }
  }
  return { head, ends: starts.subarray(1), postings }
}

export function blockToBytes(entries: ReadonlyMap<number, Scanned>, dimensions: number): Uint8Array {
  const { head, ends, postings } = toParts(entries, dimensions, BLOCK_BITS)
  const { middles, places } = postings
  const words = new Uint32Array(head.length + BUCKETS + middles.length)
  words.set(head)
  words.set(ends, head.length)
  const copy = toPostings(words.subarray(head.length + BUCKETS))
  copy.middles.set(middles)
  copy.places.set(places)
  return new Uint8Array(words.buffer)
}

/** The head, and the postings of each bucket that has some. */
export function segmentToBytes(entries: ReadonlyMap<number, Scanned>, dimensions: number) {
  const { head, ends, postings } = toParts(entries, dimensions, SEGMENT_BITS)
  const buckets = new Map<number, Uint8Array>()
  let start = 0
  for (const [bucket, end] of ends.entries()) {
    const words = new Uint32Array(end - start)
    const copy = toPostings(words)
    copy.middles.set(postings.middles.subarray(start, end))
    copy.places.set(postings.places.subarray(start, end))
    if (end > start) buckets.set(bucket, new Uint8Array(words.buffer))
    start = end
  }
  return { head: new Uint8Array(head.buffer), buckets }
}

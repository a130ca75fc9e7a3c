import { codeWords } from './codes.ts'
import { wordsOf } from './packed-vector.ts'
import { slicer } from './slices.ts'

/** What a scan of a large scope reads of a record. */
export interface Scanned {
  terms: Uint32Array
  context: Uint32Array
  bits: Uint32Array
  scale: number
}

/** Consecutive numbers of records that share a block. */
export const BLOCK_SIZE = 128

const HEAD_WORDS = 2

/**
 * Records of a block, in 32-bit words: how many, words per code; then their numbers, their numbers of terms and of
 * context terms, their scales, their codes, and all terms.
 */
export class Block {
  readonly #words: Uint32Array
  readonly count: number
  readonly numbers: Uint32Array
  readonly termCounts: Uint32Array
  readonly contextCounts: Uint32Array
  readonly scales: Float32Array
  readonly codes: Uint32Array
  readonly terms: Uint32Array

  constructor(bytes: Uint8Array) {
    const words = wordsOf(bytes, Uint32Array)
    this.#words = words
    const [count = 0, perCode = 0] = words
    this.count = count
    const take = slicer(words.subarray(HEAD_WORDS))
    this.numbers = take(count)
    this.termCounts = take(count)
    this.contextCounts = take(count)
    const scales = take(count)
    this.scales = new Float32Array(scales.buffer, scales.byteOffset, count)
    this.codes = take(count * perCode)
    this.terms = take(words.length - HEAD_WORDS - count * (4 + perCode))
  }

  /** The records by number. */
  entries(): Map<number, Scanned> {
    const perCode = this.#words[1] as number
    const entries = new Map<number, Scanned>()
    const take = slicer(this.terms)
    for (let i = 0; i < this.count; i++) {
      entries.set(this.numbers[i] as number, {
        terms: take(this.termCounts[i] as number),
        context: take(this.contextCounts[i] as number),
        bits: this.codes.subarray(i * perCode, (i + 1) * perCode),
        scale: this.scales[i] as number,
      })
    }
    return entries
  }
}

export function blockToBytes(entries: ReadonlyMap<number, Scanned>, dimensions: number): Uint8Array {
  const all = [...entries].sort(([a], [b]) => a - b)
  const perCode = codeWords(dimensions)
  let length = HEAD_WORDS + all.length * (4 + perCode)
  for (const [, { terms, context }] of all) length += terms.length + context.length
  const words = new Uint32Array(length)
  words.set([all.length, perCode])
  const scales = new Float32Array(words.buffer)
  const [numbers, termCounts, contextCounts, scalesAt, codes] = [0, 1, 2, 3, 4].map(
    (column) => HEAD_WORDS + column * all.length,
  ) as [number, number, number, number, number]
  let at = codes + all.length * perCode
  for (const [i, [number, { terms, context, bits, scale }]] of all.entries()) {
    words[numbers + i] = number
    words[termCounts + i] = terms.length
    words[contextCounts + i] = context.length
    scales[scalesAt + i] = scale
    words.set(bits, codes + i * perCode)
    words.set(terms, at)
    words.set(context, at + terms.length)
    at += terms.length + context.length
  }
  return new Uint8Array(words.buffer)
}

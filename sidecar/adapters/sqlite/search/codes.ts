/*
 * One bit for each of the first numbers of a vector: whether it is above the mean of the scope. Without the mean, the
 * component that all vectors of many embedders share would decide most bits. With x = mean + r, and q for the query,
 *   q · x = q · mean + mean · r + (q - mean) · r
 * where the first term is the same for all x, the second is stored, and the third is estimated from the number of bits in
 * which the codes of q and x differ: that share of π is the angle between q - mean and r (Charikar 2002).
 */

/** More bits cost time, and hardly find more: the best records by code are compared exactly. */
const MAX_BITS = 256

/** Of the best records by code, at least so many are compared exactly, and more where codes are short. */
const MIN_COMPARED = 256

export function countCompared(dimensions: number): number {
  return Math.ceil((MIN_COMPARED * MAX_BITS) / Math.min(dimensions, MAX_BITS))
}

/** Number of 32-bit words of a code. */
export function codeWords(dimensions: number): number {
  return Math.ceil(Math.min(dimensions, MAX_BITS) / 32)
}

export interface Code {
  bits: Uint32Array
  /** mean · r */
  offset: number
  /** Length of r; 0 for a record without a vector, or with one of another length than the mean. */
  norm: number
}

/** Of a vector that is equal to the mean, which is not without a vector. */
const MIN_NORM = 1e-30

export function encode(vector: Float32Array | undefined, mean: Float32Array): Code {
  const bits = new Uint32Array(codeWords(mean.length))
  if (vector?.length !== mean.length) return { bits, offset: 0, norm: 0 }
  let [squares, offset] = [0, 0]
  for (let i = 0; i < mean.length; i++) {
    const rest = (vector[i] as number) - (mean[i] as number)
    squares += rest * rest
    offset += rest * (mean[i] as number)
    if (rest > 0 && i < MAX_BITS) bits[i >>> 5] = (bits[i >>> 5] as number) | (1 << (i & 31))
  }
  return { bits, offset, norm: Math.max(MIN_NORM, Math.sqrt(squares)) }
}

/** Codes of records, one after the other. */
export interface Codes {
  codes: Uint32Array
  norms: Float32Array
  offsets: Float32Array
  count: number
}

/** Returns a function that writes the estimates for some records: larger for a larger dot product, -Infinity without a vector. */
export function estimator(query: Float32Array, mean: Float32Array) {
  const { bits, norm } = encode(query, mean)
  const bitCount = Math.min(mean.length, MAX_BITS)
  const cosines = Float64Array.from({ length: bitCount + 1 }, (_, differing) => {
    return norm * Math.cos((Math.PI * differing) / bitCount)
  })
  return (
    { codes, norms, offsets, count }: Codes,
    isRemoved: Uint8Array | undefined,
    estimates: Float64Array,
  ): void => {
    if (norm === 0 || codes.length !== bits.length * count)
      return void estimates.fill(Number.NEGATIVE_INFINITY)
    const differing = differences(bits, codes, count)
    for (let i = 0; i < count; i++) {
      const length = isRemoved?.[i] === 1 ? 0 : (norms[i] as number)
      const cosine = cosines[differing[i] as number] as number
      estimates[i] = length === 0 ? Number.NEGATIVE_INFINITY : (offsets[i] as number) + length * cosine
    }
  }
}

/** Numbers of bits in which codes differ from that of the query. */
function differences(query: Uint32Array, codes: Uint32Array, count: number): Uint16Array {
  const differing = new Uint16Array(count)
  if (query.length !== MAX_BITS / 32) {
    for (let i = 0, at = 0; i < count; i++) {
      let bytes = 0
      for (let word = 0; word < query.length; word++, at++) {
        bytes += bitsPerByte((query[word] as number) ^ (codes[at] as number))
      }
      differing[i] = sumOfBytes(bytes)
    }
    return differing
  }
  // Two thirds of the time that the loop takes.
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = query
  for (let i = 0, at = 0; i < count; i++, at += 8) {
    const bytes =
      bitsPerByte(a ^ (codes[at] as number)) +
      bitsPerByte(b ^ (codes[at + 1] as number)) +
      bitsPerByte(c ^ (codes[at + 2] as number)) +
      bitsPerByte(d ^ (codes[at + 3] as number)) +
      bitsPerByte(e ^ (codes[at + 4] as number)) +
      bitsPerByte(f ^ (codes[at + 5] as number)) +
      bitsPerByte(g ^ (codes[at + 6] as number)) +
      bitsPerByte(h ^ (codes[at + 7] as number))
    differing[i] = sumOfBytes(bytes)
  }
  return differing
}

/** Counts within pairs, nibbles and bytes at once (Warren, Hacker's Delight, 5-1). */
function bitsPerByte(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return (nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f
}

function sumOfBytes(bytes: number): number {
  const pairs = (bytes & 0x00ff_00ff) + ((bytes >>> 8) & 0x00ff_00ff)
  return (pairs + (pairs >>> 16)) & 0xffff
}

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
    const fits = norm > 0 && codes.length === bits.length * count
    for (let i = 0; i < count; i++) {
      const length = isRemoved?.[i] === 1 ? 0 : (norms[i] as number)
      estimates[i] = Number.NEGATIVE_INFINITY
      if (!fits || length === 0) continue
      const cosine = cosines[differingBits(bits, codes, i * bits.length)] as number
      estimates[i] = (offsets[i] as number) + length * cosine
    }
  }
}

/** Counts within pairs, nibbles and bytes at once (Warren, Hacker's Delight, 5-1). */
function differingBits(query: Uint32Array, codes: Uint32Array, start: number): number {
  let count = 0
  for (let i = 0; i < query.length; i++) {
    let bits = (query[i] as number) ^ (codes[start + i] as number)
    bits -= (bits >>> 1) & 0x5555_5555
    bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333)
    bits = (bits + (bits >>> 4)) & 0x0f0f_0f0f
    count += Math.imul(bits, 0x0101_0101) >>> 24
  }
  return count
}

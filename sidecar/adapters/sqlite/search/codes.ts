/*
 * One bit per number of a vector: whether it is above the mean of the scope. Without the mean, the component that all
 * vectors of many embedders share would decide most bits. Queries stay floats (asymmetric distance); the scale per
 * record makes the estimate of the dot product unbiased (RaBitQ: Gao & Long 2024, without its rotation).
 */

/** Number of 32-bit words of a code. */
export function codeWords(dimensions: number): number {
  return Math.ceil(dimensions / 32)
}

export interface Code {
  bits: Uint32Array
  /** 0 for a record without a vector, or with one of another length than the mean. */
  scale: number
}

export function encode(vector: Float32Array | undefined, mean: Float32Array): Code {
  const bits = new Uint32Array(codeWords(mean.length))
  if (vector?.length !== mean.length) return { bits, scale: 0 }
  let [squares, sum] = [0, 0]
  for (let i = 0; i < mean.length; i++) {
    const rest = (vector[i] as number) - (mean[i] as number)
    squares += rest * rest
    sum += Math.abs(rest)
    if (rest > 0) bits[i >>> 5] = (bits[i >>> 5] as number) | (1 << (i & 31))
  }
  // A vector equal to the mean: any small scale estimates it right.
  return { bits, scale: sum > 0 ? squares / sum : Number.MIN_VALUE }
}

/** For each byte of a code and each of its 256 values, the sum of the query's numbers with the signs of the bits. */
export function signSums(query: Float32Array): Float32Array {
  const bytes = 4 * codeWords(query.length)
  const sums = new Float32Array(256 * bytes)
  for (let byte = 0; byte < bytes; byte++) {
    const at = 256 * byte
    for (let j = 0; j < 8; j++) sums[at] = (sums[at] as number) - (query[8 * byte + j] ?? 0)
    for (let value = 1; value < 256; value++) {
      const lowest = 31 - Math.clz32(value & -value)
      sums[at + value] = (sums[at + (value & (value - 1))] as number) + 2 * (query[8 * byte + lowest] ?? 0)
    }
  }
  return sums
}

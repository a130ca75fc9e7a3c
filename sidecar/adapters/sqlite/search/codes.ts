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

/** Sums of numbers of a query with the signs of the bits of a code. */
export interface SignSums {
  /** For each byte of a code and each of its 256 values, in units of `unit`: 16 bits, so that all fit into the L1 cache. */
  sums: Int16Array
  unit: number
}

const MAX_SUM = 32_767

export function signSums(query: Float32Array): SignSums {
  const bytes = 4 * codeWords(query.length)
  const exact = new Float32Array(256 * bytes)
  for (let byte = 0; byte < bytes; byte++) {
    const at = 256 * byte
    for (let j = 0; j < 8; j++) exact[at] = (exact[at] as number) - (query[8 * byte + j] ?? 0)
    for (let value = 1; value < 256; value++) {
      const lowest = 31 - Math.clz32(value & -value)
      exact[at + value] = (exact[at + (value & (value - 1))] as number) + 2 * (query[8 * byte + lowest] ?? 0)
    }
  }
  // Loops, because `reduce` and `from` are twenty times slower.
  let largest: number = Number.MIN_VALUE
  for (let i = 0; i < exact.length; i++) largest = Math.max(largest, Math.abs(exact[i] as number))
  const unit = largest / MAX_SUM
  const sums = new Int16Array(exact.length)
  for (let i = 0; i < exact.length; i++) sums[i] = Math.round((exact[i] as number) / unit)
  return { sums, unit }
}

/** Sum of the query's numbers with the signs of the code of `words` words that begins at `start`. */
export function signedSum(
  { sums, unit }: SignSums,
  codes: Uint32Array,
  start: number,
  words: number,
): number {
  let sum = 0
  for (let i = 0; i < words; i++) {
    const word = codes[start + i] as number
    const at = i << 10
    sum +=
      (sums[at | (word & 255)] as number) +
      (sums[at | 256 | ((word >>> 8) & 255)] as number) +
      (sums[at | 512 | ((word >>> 16) & 255)] as number) +
      (sums[at | 768 | (word >>> 24)] as number)
  }
  return unit * sum
}

/** Buckets per doubling of the duration: a bucket is 4.4 % wide. */
const RESOLUTION = 16
/** About 8 µs and 17 minutes; durations outside count in the first or the last bucket. */
const FIRST = -7 * RESOLUTION
const LAST = 20 * RESOLUTION

/** @returns the bucket of the histogram in which a recall of this duration counts */
export function bucketOf(ms: number): number {
  const bucket = Math.floor(Math.log2(ms) * RESOLUTION)
  // NaN, and the logarithm of a negative duration, count in the first bucket.
  return bucket > FIRST ? Math.min(LAST, bucket) : FIRST
}

/** Lower bound of a bucket in milliseconds; the upper bound is that of the next bucket. */
export function bucketStart(bucket: number): number {
  return 2 ** (bucket / RESOLUTION)
}

/** Numbers of turns by bucket. */
export class Histogram {
  readonly #turns = new Float64Array(LAST - FIRST + 1)
  total = 0

  /** Buckets outside the range of `bucketOf` count in the first or the last one. */
  add(bucket: number, turns: number): void {
    const index = Math.min(LAST, Math.max(FIRST, bucket)) - FIRST
    this.#turns[index] = (this.#turns[index] ?? 0) + turns
    this.total += turns
  }

  /** Buckets with turns, in ascending order. */
  *[Symbol.iterator](): Generator<{ bucket: number; turns: number }> {
    for (const [index, turns] of this.#turns.entries()) if (turns > 0) yield { bucket: index + FIRST, turns }
  }
}

/** A point of the distribution: `fraction` of its bucket lies below. */
export interface QuantilePoint {
  ms: number
  bucket: number
  fraction: number
}

/** The duration below which a share of the turns lies, interpolated within its bucket; `null` without turns. */
export function quantileOf(histogram: Histogram, share: number): QuantilePoint | null {
  const rank = Math.min(1, Math.max(0, share)) * histogram.total
  let below = 0
  let last: QuantilePoint | null = null
  for (const { bucket, turns } of histogram) {
    const fraction = Math.min(1, (rank - below) / turns)
    last = { ms: 2 ** ((bucket + fraction) / RESOLUTION), bucket, fraction }
    if (below + turns >= rank) return last
    below += turns
  }
  return last
}

/** Buckets per doubling of the duration: a bucket is 4.4 % wide. */
const RESOLUTION = 16
/** About 8 µs and 17 minutes; durations outside count in the first or the last bucket. */
const FIRST = -7 * RESOLUTION
const LAST = 20 * RESOLUTION

/** @returns the key of `UnitSummary.latency` under which a recall of this duration counts */
export function bucketOf(ms: number): string {
  const bucket = Math.floor(Math.log2(ms) * RESOLUTION)
  // NaN, and the logarithm of a negative duration, count in the first bucket.
  return String(bucket > FIRST ? Math.min(LAST, bucket) : FIRST)
}

/** Lower bound of a bucket in milliseconds; the upper bound is that of the next bucket. */
export function bucketStart(bucket: number): number {
  return 2 ** (bucket / RESOLUTION)
}

/** A histogram with its buckets in ascending order. */
export interface Histogram {
  buckets: readonly { bucket: number; count: number }[]
  total: number
}

export function toHistogram(counts: ReadonlyMap<number, number>): Histogram {
  const buckets = [...counts]
    .map(([bucket, count]) => ({ bucket, count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.bucket - b.bucket)
  return { buckets, total: buckets.reduce((sum, { count }) => sum + count, 0) }
}

/** A point of the distribution: `fraction` of its bucket lies below. */
export interface QuantilePoint {
  ms: number
  bucket: number
  fraction: number
}

/** The duration below which a share of the turns lies, interpolated within its bucket; `null` without turns. */
export function quantileOf({ buckets, total }: Histogram, share: number): QuantilePoint | null {
  const rank = Math.min(1, Math.max(0, share)) * total
  let below = 0
  let last: QuantilePoint | null = null
  for (const { bucket, count } of buckets) {
    const fraction = Math.min(1, (rank - below) / count)
    last = { ms: 2 ** ((bucket + fraction) / RESOLUTION), bucket, fraction }
    if (below + count >= rank) return last
    below += count
  }
  return last
}

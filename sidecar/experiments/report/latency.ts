import type { UnitSummary } from '../model.ts'
import type { Estimate } from './schema.ts'
import { bucketStart, Histogram, quantileOf } from './statistics/histogram.ts'
import { studentQuantile, toInterval, UNKNOWN } from './statistics/intervals.ts'
import { RatioSums } from './statistics/ratio.ts'

/** Durations of the turns of an arm, by unit. */
export class LatencySums {
  readonly #histogram = new Histogram()
  /** Buckets and their counts of all units, one after the other. */
  readonly #buckets: number[] = []
  readonly #turns: number[] = []
  /** Length of `#buckets` after each unit. */
  readonly #ends: number[] = []

  add(latency: UnitSummary['latency']): void {
    for (let i = 0; i < latency.length; i += 2) {
      const [bucket = 0, turns = 0] = [latency[i], latency[i + 1]]
      if (!Number.isInteger(bucket) || !(turns > 0)) continue
      this.#histogram.add(bucket, turns)
      this.#buckets.push(bucket)
      this.#turns.push(turns)
    }
    this.#ends.push(this.#buckets.length)
  }

  get histogram(): { from: number; to: number; turns: number }[] {
    return [...this.#histogram].map(({ bucket, turns }) => ({
      from: bucketStart(bucket),
      to: bucketStart(bucket + 1),
      turns,
    }))
  }

  /**
   * A quantile with Woodruff's interval: the standard error, between units, of the share of turns below the quantile,
   * turned back into durations. Woodruff, "Confidence intervals for medians and other position measures" (1952).
   * Without bounds when the turns are too few to see beyond the quantile.
   */
  quantile(share: number, confidence: number): Estimate {
    const histogram = this.#histogram
    const point = quantileOf(histogram, share)
    if (!point) return UNKNOWN
    const { sums, informative } = this.#shareBelow(point.bucket, point.fraction)
    // Turns within one bucket look equal, which hides their variance: at least that of independent turns.
    const variance = Math.max(sums.variance, (share * (1 - share)) / histogram.total)
    const half = studentQuantile(informative, confidence) * Math.sqrt(variance)
    const [from, to] = [share - half, share + half]
    if (!(from > 0 && to < 1)) return { ...UNKNOWN, value: point.ms }
    return toInterval(point.ms, durationAt(histogram, from), durationAt(histogram, to))
  }

  /**
   * Turns below the quantile, by unit. Units on the rarer side of it inform about the variance; with few of them, it is
   * as uncertain as the variance of so few values.
   */
  #shareBelow(quantileBucket: number, fraction: number): { sums: RatioSums; informative: number } {
    const sums = new RatioSums()
    let withBelow = 0
    let withAbove = 0
    let index = 0
    for (const end of this.#ends) {
      let below = 0
      let total = 0
      for (; index < end; index++) {
        const [bucket = 0, turns = 0] = [this.#buckets[index], this.#turns[index]]
        total += turns
        if (bucket < quantileBucket) below += turns
        else if (bucket === quantileBucket) below += turns * fraction
      }
      sums.add(below, total)
      if (below > 0) withBelow++
      if (below < total) withAbove++
    }
    return { sums, informative: Math.min(withBelow, withAbove) }
  }
}

function durationAt(histogram: Histogram, share: number): number {
  return quantileOf(histogram, share)?.ms ?? Number.NaN
}

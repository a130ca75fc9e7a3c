import type { UnitSummary } from '../model.ts'
import { bucketStart, type Histogram, quantileOf, toHistogram } from './histogram.ts'
import type { Estimate } from './schema.ts'
import { studentQuantile, toInterval, UNKNOWN } from './statistics/intervals.ts'
import { RatioSums } from './statistics/ratio.ts'

/** Durations of the turns of an arm, by unit. */
export class LatencySums {
  readonly #counts = new Map<number, number>()
  /** Buckets and their counts of all units, one after the other. */
  readonly #buckets: number[] = []
  readonly #turns: number[] = []
  /** Length of `#buckets` after each unit. */
  readonly #ends: number[] = []

  add(latency: UnitSummary['latency']): void {
    for (const key in latency) {
      const [bucket, turns] = [Number(key), latency[key] ?? 0]
      if (!Number.isFinite(bucket) || !(turns > 0)) continue
      this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + turns)
      this.#buckets.push(bucket)
      this.#turns.push(turns)
    }
    this.#ends.push(this.#buckets.length)
  }

  get histogram(): { from: number; to: number; turns: number }[] {
    return toHistogram(this.#counts).buckets.map(({ bucket, count }) => ({
      from: bucketStart(bucket),
      to: bucketStart(bucket + 1),
      turns: count,
    }))
  }

  /**
   * A quantile with Woodruff's interval: the standard error, between units, of the share of turns below the quantile,
   * turned back into durations. Woodruff, "Confidence intervals for medians and other position measures" (1952).
   */
  quantile(share: number, confidence: number): Estimate {
    const histogram = toHistogram(this.#counts)
    const point = quantileOf(histogram, share)
    if (!point) return UNKNOWN
    const below = this.#shareBelow(point.bucket, point.fraction)
    // Turns within one bucket look equal, which hides their variance: at least that of independent turns.
    const variance = Math.max(below.variance, (share * (1 - share)) / histogram.total)
    // On the scale of the logarithm of the odds, bounds stay within 0…1.
    const half = (studentQuantile(below.units, confidence) * Math.sqrt(variance)) / (share * (1 - share))
    const odds = Math.log(share / (1 - share))
    return toInterval(point.ms, durationAt(histogram, odds - half), durationAt(histogram, odds + half))
  }

  #shareBelow(quantileBucket: number, fraction: number): RatioSums {
    const sums = new RatioSums()
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
    }
    return sums
  }
}

function durationAt(histogram: Histogram, logOdds: number): number {
  return Number.isNaN(logOdds)
    ? Number.NaN
    : (quantileOf(histogram, 1 / (1 + Math.exp(-logOdds)))?.ms ?? Number.NaN)
}

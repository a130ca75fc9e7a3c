import jstat from 'jstat'
import type { RatioSums } from './ratio.ts'

interface Interval {
  value: number | null
  low: number | null
  high: number | null
}

/** Without data. */
export const UNKNOWN: Interval = { value: null, low: null, high: null }

/** Number of standard errors on either side; `NaN` below two units. */
export function studentQuantile(units: number, confidence: number): number {
  return units < 2 ? Number.NaN : jstat.jStat.studentt.inv((1 + confidence) / 2, units - 1)
}

/** The mean of all values with an interval between units. */
export function meanEstimate(sums: RatioSums, confidence: number): Interval {
  const half = studentQuantile(sums.units, confidence) * Math.sqrt(sums.variance)
  return toInterval(sums.ratio, sums.ratio - half, sums.ratio + half)
}

/**
 * A share with Wilson's interval on the effective number of values, so that rare events and shares of 0 and 1 have an
 * honest interval: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive
 * counts estimated from survey data" (1998).
 */
export function shareEstimate(sums: RatioSums, confidence: number): Interval {
  const share = Math.min(1, Math.max(0, sums.ratio))
  const quantile = studentQuantile(sums.units, confidence)
  const spread = share * (1 - share)
  // All equal: the values of a unit may be copies of each other, so a unit counts once.
  const effective = spread > 0 && sums.variance > 0 ? Math.min(sums.n, spread / sums.variance) : sums.units
  const weight = quantile ** 2 / effective
  const centre = (share + weight / 2) / (1 + weight)
  const half = Math.sqrt(weight * spread + weight ** 2 / 4) / (1 + weight)
  return toInterval(share, Math.max(0, centre - half), Math.min(1, centre + half))
}

export function toInterval(value: number, low: number, high: number): Interval {
  return { value: toFinite(value), low: toFinite(low), high: toFinite(high) }
}

export function toFinite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

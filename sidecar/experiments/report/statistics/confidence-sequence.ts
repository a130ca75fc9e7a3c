import jstat from 'jstat'
import type { RatioSums } from './ratio.ts'

/**
 * The variance under "no difference" counts like that of 5·(kurtosis - 1) units beside the units of an arm: 10 for
 * normal values, 250 for an event in 2 % of the units. Without it, an arm that has not met the rare value yet appears
 * to have no variance, and intervals exclude the truth too often. Its influence vanishes as units arrive.
 */
const PRIOR_WEIGHT = 5

export interface SequenceOptions {
  /** Probability that the interval ever excludes the true difference. */
  alpha: number
  /** Number of units of both arms at which the interval is narrowest relative to a fixed-sample interval. */
  plannedUnits: number
}

export interface RatioDifference {
  /** Units of both arms. */
  units: number
  value: number
  /** Standard errors of the difference and of the logarithm of the quotient; 0 when all values are equal. */
  se: number
  relativeSe: number
}

/**
 * Compares the ratios of two arms.
 *
 * @param isShare all values lie within 0…1; if they are all equal, the variance is that with one different value
 * @returns null while an arm has no unit
 */
export function compareRatios(arm: RatioSums, baseline: RatioSums, isShare = false): RatioDifference | null {
  if (arm.units === 0 || baseline.units === 0) return null
  const units = arm.units + baseline.units
  const common = (arm.y + baseline.y) / (arm.n + baseline.n)
  const value = arm.ratio - baseline.ratio
  const variance = (arm.squaredResiduals(common) + baseline.squaredResiduals(common)) / units
  if (variance === 0) {
    const one = isShare ? 1 / (units + 1) : 0
    const se = Math.sqrt(one * (1 - one) * (1 / arm.units + 1 / baseline.units))
    return { units, value, se, relativeSe: se / common }
  }
  const fourth = (arm.fourthResiduals(common) + baseline.fourthResiduals(common)) / units
  const priorUnits = PRIOR_WEIGHT * Math.max(1, fourth / variance ** 2 - 1)
  const [ofArm, ofBaseline] = [
    shrunkVariance(arm, variance, priorUnits),
    shrunkVariance(baseline, variance, priorUnits),
  ]
  return {
    units,
    value,
    se: Math.sqrt(ofArm + ofBaseline),
    relativeSe: Math.sqrt(ofArm / arm.ratio ** 2 + ofBaseline / baseline.ratio ** 2),
  }
}

function shrunkVariance(sums: RatioSums, common: number, priorUnits: number): number {
  const squares = sums.squaredResiduals(sums.ratio) + priorUnits * common
  return ((squares / (Math.max(1, sums.units - 1) + priorUnits)) * sums.units) / sums.n ** 2
}

/**
 * Half the width of the interval, in standard errors: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
 * Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (2021), theorem 2.2.
 */
export function sequenceFactor(units: number, { alpha, plannedUnits }: SequenceOptions): number {
  const rhoSquared = (-2 * Math.log(alpha) + Math.log(1 - 2 * Math.log(alpha))) / plannedUnits
  const time = units * rhoSquared
  return Math.sqrt((2 * (time + 1) * Math.log(Math.sqrt(time + 1) / alpha)) / time)
}

/** True difference at which the interval excludes 0 with probability `power` at the present number of units. */
export function detectableEffect(
  { se, units }: RatioDifference,
  options: SequenceOptions,
  power: number,
): number {
  return (sequenceFactor(units, options) + jstat.jStat.normal.inv(power, 0, 1)) * se
}

/** Units of both arms at which the detectable effect is `effect`. */
export function unitsFor(
  effect: number,
  { se, units }: RatioDifference,
  options: SequenceOptions,
  power: number,
): number {
  let needed = units
  // The factor hardly depends on the number of units, so that this converges in a few steps.
  for (let step = 0; step < 20; step++) {
    needed =
      units * (detectableEffect({ se, units: needed, value: 0, relativeSe: 0 }, options, power) / effect) ** 2
  }
  return Math.ceil(needed)
}

import { describe, expect, it } from 'vitest'
import {
  clustered,
  clusteredEvents,
  type Draw,
  event,
  skewed,
} from '../../../../bench/experiment/random-units.ts'
import {
  coverage,
  plannedEffect,
  randomLatencies,
  shareOfFindings,
  shareOfRatioAlarms,
} from '../../../../bench/experiment/simulate.ts'
import { seededRandom } from '../../../../bench/lib/generated-facts.ts'
import {
  meanEstimate,
  shareEstimate,
  UNKNOWN,
} from '../../../../sidecar/experiments/report/statistics/intervals.ts'
import { RatioSums } from '../../../../sidecar/experiments/report/statistics/ratio.ts'

// Longer runs of the same simulations: `npm run bench -- experiment`.
describe('a look after every unit', () => {
  it('finds a difference in at most 5 % of 500 experiments with equal arms', () => {
    const trials = { runs: 500, units: 250, random: seededRandom(1) }
    expect(shareOfFindings({ ...trials, outcome: clusteredEvents, tokens: clustered })).toBeLessThanOrEqual(
      0.05,
    )
  })

  it.each<[string, Draw, readonly number[]]>([
    ['events in 2 % of the units', event(0.02), [0.5, 0.5]],
    ['events in 2 % of the units, a tenth of the units in one arm', event(0.02), [0.9, 0.1]],
    ['events in 98 % of the units, a tenth of the units in one arm', event(0.98), [0.1, 0.9]],
    ['log-normal values', skewed(1.5), [0.5, 0.5]],
    ['ten dependent turns per unit', clustered, [0.5, 0.5]],
    ['ten dependent turns per unit in three arms', clustered, [0.4, 0.3, 0.3]],
  ])('finds a difference in at most 5 % of the experiments with equal arms: %s', (_, outcome, shares) => {
    const random = seededRandom(2)
    expect(shareOfFindings({ runs: 150, units: 400, random, outcome, shares })).toBeLessThanOrEqual(0.05)
  })

  it.each<[string, Draw, number, number]>([
    ['events', event(0.5), 0.25, 0],
    // The mean of ten values with variance 1 and correlation 0.5 has variance 0.55.
    ['ten dependent turns per unit', clustered, 0.55, 1],
  ])('finds a planted effect with the planned power of 80 %: %s', (_, outcome, unitVariance, seed) => {
    const units = 500
    const shift = plannedEffect(unitVariance, units)
    const found = shareOfFindings({ runs: 250, units, random: seededRandom(seed), outcome, shift })
    // Earlier looks add a few experiments; the standard error of the share is 0.025.
    expect(found).toBeGreaterThanOrEqual(0.75)
    expect(found).toBeLessThanOrEqual(0.95)
  })
})

describe('the sample ratio', () => {
  it('raises no alarm in 99 % of the experiments with the planned halves', () => {
    expect(shareOfRatioAlarms({ runs: 1000, units: 2000, random: seededRandom(3) }, 0.5)).toBeLessThanOrEqual(
      0.01,
    )
  })

  it('raises the alarm for 55/45 instead of 50/50', () => {
    const trials = { runs: 200, units: 4000, random: seededRandom(4) }
    expect(shareOfRatioAlarms(trials, 0.55)).toBeGreaterThanOrEqual(0.95)
  })
})

describe('95 % intervals of a single look', () => {
  const sumsOf = (units: number, draw: Draw, random: () => number) => {
    const sums = new RatioSums()
    for (let i = 0; i < units; i++) {
      const { y, n } = draw(random)
      sums.add(y, n)
    }
    return sums
  }

  it.each<[string, number, Draw, number]>([
    ['ten dependent turns per unit', 100, clustered, 0],
    ['ten dependent turns per unit, 8 units', 8, clustered, 0],
    ['log-normal values', 300, skewed(0.7), 300 * Math.exp(0.245)],
  ])('contain the mean at their nominal rate: %s', (_, units, draw, mean) => {
    const random = seededRandom(5)
    const share = coverage(1000, mean, () => meanEstimate(sumsOf(units, draw, random), 0.95))
    expect(share).toBeGreaterThan(0.93)
    expect(share).toBeLessThan(0.97)
  })

  it.each<[string, number, Draw, number]>([
    ['one rating per unit', 200, event(0.8), 0.8],
    ['several dependent ratings per unit', 200, clusteredEvents, 0.75],
    ['events in 2 % of the units', 300, event(0.02), 0.02],
  ])('contain the share at their nominal rate: %s', (_, units, draw, truth) => {
    const random = seededRandom(6)
    const share = coverage(1000, truth, () => shareEstimate(sumsOf(units, draw, random), 0.95))
    expect(share).toBeGreaterThan(0.93)
    expect(share).toBeLessThan(0.98)
  })

  it('contain the quantiles of dependent latencies at their nominal rate', () => {
    const random = seededRandom(7)
    const samples = Array.from({ length: 200 }, () => randomLatencies(250, random))
    for (const [quantile, deviations] of [
      [0.5, 0],
      [0.95, 1.6448536269514722],
      [0.99, 2.3263478740408408],
    ] as const) {
      const truth = 20 * Math.exp(0.7 * deviations)
      let run = 0
      const share = coverage(samples.length, truth, () => samples[run++]?.quantile(quantile, 0.95) ?? UNKNOWN)
      expect(share).toBeGreaterThan(0.92)
      expect(share).toBeLessThan(0.98)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { LatencySums } from '../../../../sidecar/experiments/report/latency.ts'
import { toSettings } from '../../../../sidecar/experiments/report/settings.ts'
import {
  compareRatios,
  sequenceFactor,
  unitsFor,
} from '../../../../sidecar/experiments/report/statistics/confidence-sequence.ts'
import {
  bucketOf,
  bucketStart,
  Histogram,
  quantileOf,
} from '../../../../sidecar/experiments/report/statistics/histogram.ts'
import {
  meanEstimate,
  shareEstimate,
  studentQuantile,
} from '../../../../sidecar/experiments/report/statistics/intervals.ts'
import { RatioSums } from '../../../../sidecar/experiments/report/statistics/ratio.ts'
import { SampleRatioTest } from '../../../../sidecar/experiments/report/statistics/sample-ratio.ts'

function sumsOf(values: readonly (readonly [y: number, n: number])[]): RatioSums {
  const sums = new RatioSums()
  for (const [y, n] of values) sums.add(y, n)
  return sums
}

describe('quantiles of distributions', () => {
  it.each([
    [2, 12.7062],
    [10, 2.26216],
    [31, 2.04227],
    [100_001, 1.95999],
  ])('agree with the tables of Student, %d units', (units, quantile) => {
    expect(studentQuantile(units, 0.95)).toBeCloseTo(quantile, 4)
  })

  it('agree with the tables of the normal distribution', () => {
    expect(toSettings({ power: 0.8 }).powerQuantile).toBeCloseTo(0.841621, 6)
    expect(toSettings({ power: 0.975 }).powerQuantile).toBeCloseTo(1.959964, 6)
  })
})

describe('RatioSums', () => {
  const values = [
    [3, 2],
    [10, 4],
    [1, 1],
    [0, 3],
  ] as const

  it('has the ratio, and the residuals about it, of the units', () => {
    const sums = sumsOf(values)
    const residuals = values.map(([y, n]) => y - 1.4 * n)
    expect(sums.ratio).toBeCloseTo(1.4)
    expect(sums.squaredResiduals(1.4)).toBeCloseTo(residuals.reduce((sum, r) => sum + r ** 2, 0))
    expect(sums.fourthResiduals(1.4)).toBeCloseTo(residuals.reduce((sum, r) => sum + r ** 4, 0))
  })

  it('has the variance of a mean when each unit has one value', () => {
    // Variance of 1, 2, 3, 4 is 5/3.
    expect(sumsOf([1, 2, 3, 4].map((y) => [y, 1])).variance).toBeCloseTo(5 / 12)
  })

  it('has no variance when all values are equal, in spite of rounding', () => {
    expect(sumsOf([1, 3, 7].map((n) => [0.1 * n, n])).variance).toBe(0)
  })

  it('leaves out units without values and sums that are not numbers', () => {
    expect(
      sumsOf([
        [1, 0],
        [Number.NaN, 1],
        [Number.POSITIVE_INFINITY, 1],
        [2, 1],
      ]),
    ).toMatchObject({ units: 1, y: 2 })
  })
})

describe('intervals of a single look', () => {
  it('are unknown below two units', () => {
    expect(meanEstimate(sumsOf([[5, 1]]), 0.95)).toEqual({ value: 5, low: null, high: null })
    expect(meanEstimate(sumsOf([]), 0.95)).toEqual({ value: null, low: null, high: null })
    expect(shareEstimate(sumsOf([[1, 1]]), 0.95)).toEqual({ value: 1, low: null, high: null })
  })

  it('do not shrink to a point for a share of 0 or 1', () => {
    const { value, low, high } = shareEstimate(sumsOf(Array.from({ length: 100 }, () => [10, 10])), 0.95)
    expect([value, high]).toEqual([1, 1])
    // Wilson with 100 of 100.
    expect(low).toBeCloseTo(0.962, 3)
  })
})

describe('the confidence sequence', () => {
  const options = { alpha: 0.05, plannedUnits: 1000 }

  it('is about 1.5 times as wide as an interval of a single look, and widest at the start', () => {
    expect(sequenceFactor(1000, options)).toBeCloseTo(3.04, 2)
    expect(sequenceFactor(1000, options)).toBeLessThan(sequenceFactor(50, options))
    expect(sequenceFactor(1000, options)).toBeLessThan(sequenceFactor(1e6, options))
  })

  it('needs the number of units at which the effect becomes detectable', () => {
    const compared = { units: 200, value: 0, se: 0.05, relativeSe: 0 }
    const needed = unitsFor(0.05, compared, options, 0.8416)
    const se = 0.05 * Math.sqrt(200 / needed)
    expect((sequenceFactor(needed, options) + 0.8416) * se).toBeCloseTo(0.05, 4)
  })

  it('has the standard error of two means once units are many', () => {
    const arm = sumsOf(Array.from({ length: 20_000 }, (_, i) => [i % 2, 1]))
    const baseline = sumsOf(Array.from({ length: 20_000 }, (_, i) => [(i % 2) * 3, 1]))
    const compared = compareRatios(arm, baseline)
    expect(compared?.value).toBe(-1)
    expect(compared?.se).toBeCloseTo(Math.sqrt((0.25 + 2.25) / 20_000), 5)
  })

  it('counts one different value when all values of a share are equal', () => {
    const ones = () => sumsOf(Array.from({ length: 100 }, () => [1, 1]))
    // Exact: none of 100 differs from none of 100 by more than 3 points (rule of three).
    const { se = 0 } = compareRatios(ones(), ones(), true) ?? {}
    expect(sequenceFactor(200, options) * se).toBeGreaterThan(0.03)
    expect(compareRatios(ones(), ones())?.se).toBe(0)
  })
})

describe('the sample ratio test', () => {
  it('keeps its p-value once the counts are even again', () => {
    const test = new SampleRatioTest(2)
    for (let i = 0; i < 60; i++) test.add(0, [0.5, 0.5])
    const p = test.pValue
    expect(p).toBeLessThan(1e-4)
    for (let i = 0; i < 60; i++) test.add(1, [0.5, 0.5])
    expect(test.pValue).toBe(p)
  })

  it('has the Dirichlet-multinomial evidence, whatever the order', () => {
    const evidence = (arms: readonly number[]) => {
      const test = new SampleRatioTest(3)
      for (const arm of arms) test.add(arm, [0.2, 0.3, 0.5])
      return test.evidence
    }
    // Product of (100·share + count) / (100 + units) / share.
    const expected = Math.log((21 / 101 / 0.2) * (30 / 102 / 0.3))
    expect(evidence([0, 0, 1])).toBeCloseTo(expected)
    expect(evidence([1, 0, 0])).toBeCloseTo(expected)
  })
})

describe('the latency histogram', () => {
  it('has buckets of 4.4 %, and puts every number into one of them', () => {
    for (const ms of [0.01, 0.3, 1, 17, 250, 60_000]) {
      const bucket = bucketOf(ms)
      expect(bucketStart(bucket)).toBeLessThanOrEqual(ms)
      expect(bucketStart(bucket + 1)).toBeGreaterThan(ms)
    }
    expect(bucketStart(1) / bucketStart(0)).toBeCloseTo(1.044, 3)
    expect([0, -5, Number.NaN, 1e-9].map(bucketOf)).toEqual([-112, -112, -112, -112])
    expect([1e9, Number.POSITIVE_INFINITY].map(bucketOf)).toEqual([320, 320])
  })

  it('has quantiles within a bucket of those of the durations', () => {
    const histogram = new Histogram()
    for (let ms = 1; ms <= 1000; ms++) histogram.add(bucketOf(ms), 1)
    for (const share of [0.05, 0.5, 0.95, 0.99]) {
      const { ms = 0 } = quantileOf(histogram, share) ?? {}
      expect(Math.abs(Math.log(ms / (1000 * share)))).toBeLessThan(0.044)
    }
    expect(quantileOf(new Histogram(), 0.5)).toBeNull()
  })

  it('has no interval of a quantile that the turns are too few for', () => {
    const sums = new LatencySums()
    for (let i = 0; i < 10; i++) sums.add([bucketOf(10 + i), 2])
    expect(sums.quantile(0.99, 0.95)).toEqual({ value: expect.closeTo(19, -0.5), low: null, high: null })
    expect(sums.quantile(0.5, 0.95)).toEqual({
      value: expect.any(Number),
      low: expect.any(Number),
      high: expect.any(Number),
    })
  })
})

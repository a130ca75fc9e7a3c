import { ArmTotals } from '../../sidecar/experiments/report/arm-totals.ts'
import { Comparisons } from '../../sidecar/experiments/report/comparisons.ts'
import { LatencySums } from '../../sidecar/experiments/report/latency.ts'
import { toSettings } from '../../sidecar/experiments/report/settings.ts'
import { sequenceFactor } from '../../sidecar/experiments/report/statistics/confidence-sequence.ts'
import { SampleRatioTest } from '../../sidecar/experiments/report/statistics/sample-ratio.ts'
import type { Draw, Random } from './random-units.ts'
import { latencies, unitOf } from './random-units.ts'

export interface Trials {
  runs: number
  /** Units of all arms together. */
  units: number
  random: Random
}

export interface LookedAt extends Trials {
  outcome: Draw
  /** Billed tokens of a unit. Default: always 300. */
  tokens?: Draw
  /** Added to the outcome in arm `b`. */
  shift?: number
  /** Shares of the arms. Default: halves. */
  shares?: readonly number[]
}

/**
 * Runs experiments, looks at each after every unit, and stops at the first look that excludes "no difference" for the
 * deciding outcome or the billed tokens of any arm.
 *
 * @returns share of the runs that stopped
 */
export function shareOfFindings({ runs, units, random, outcome, ...options }: LookedAt): number {
  const { shares = [0.5, 0.5], shift = 0, tokens = () => ({ y: 300, n: 1 }) } = options
  const settings = toSettings({})
  let findings = 0
  for (let run = 0; run < runs; run++) {
    const arms = shares.map((_, index) => ({
      name: String.fromCharCode(97 + index),
      totals: new ArmTotals(),
    }))
    const comparisons = new Comparisons('thumbs', settings, arms)
    for (let i = 0; i < units; i++) {
      const index = pick(shares, random)
      const [thumbs, billed] = [outcome(random, index === 1 ? shift : 0), tokens(random)]
      const { name = '', totals } = arms[index] ?? {}
      totals?.add(unitOf({ arm: name, outcomes: { thumbs }, turns: billed.n, tokens: billed.y }))
      if (comparisons.deciding().some(({ verdict }) => verdict !== 'undecided')) {
        findings++
        break
      }
    }
  }
  return findings / runs
}

/** Difference that an experiment with two equal arms is planned to find, for values with this variance in each unit. */
export function plannedEffect(unitVariance: number, units: number): number {
  const { confidence, powerQuantile, plannedUnits } = toSettings({})
  const se = Math.sqrt((4 * unitVariance) / units)
  return (sequenceFactor(units, { alpha: (1 - confidence) / 2, plannedUnits }) + powerQuantile) * se
}

/** Share of the experiments, planned as halves, in which arm `a` gets `share` and the alarm is raised. */
export function shareOfRatioAlarms({ runs, units, random }: Trials, share: number): number {
  let alarms = 0
  for (let run = 0; run < runs; run++) {
    const test = new SampleRatioTest(2)
    for (let i = 0; i < units && test.pValue >= 0.01; i++) test.add(random() < share ? 0 : 1, [0.5, 0.5])
    if (test.pValue < 0.01) alarms++
  }
  return alarms / runs
}

/** Share of the runs in which an estimate's interval contains the truth. */
export function coverage(
  runs: number,
  truth: number,
  estimate: () => { low: number | null; high: number | null },
): number {
  let covered = 0
  for (let run = 0; run < runs; run++) {
    const { low, high } = estimate()
    if (low !== null && high !== null && low <= truth && truth <= high) covered++
  }
  return covered / runs
}

/** Latency of so many units with ten dependent turns each. */
export function randomLatencies(units: number, random: Random): LatencySums {
  const sums = new LatencySums()
  for (let i = 0; i < units; i++) sums.add(unitOf({ arm: '', milliseconds: latencies(random) }).latency)
  return sums
}

function pick(shares: readonly number[], random: Random): number {
  let rest = random()
  for (const [index, share] of shares.entries()) {
    rest -= share
    if (rest < 0) return index
  }
  return shares.length - 1
}

import type { Experiment, UnitSummary } from '../model.ts'
import type { Report } from './schema.ts'
import { SampleRatioTest } from './statistics/sample-ratio.ts'

/** Share of the experiments with right shares in which the alarm is raised, ever. */
const RATE = 0.01

/** Compares the numbers of units with the weights that were in force when each unit was assigned. */
export class SampleRatio {
  readonly #arms: readonly string[]
  readonly #indexes: ReadonlyMap<string, number>
  /** Expected shares since a time, ascending. */
  readonly #periods: readonly { at: number; shares: number[] }[]
  readonly #test: SampleRatioTest
  readonly #expected: number[]
  readonly #units: number[]
  #period = 0
  #alarmAt: number | null = null

  constructor({ arms, weight_changes: changes = [] }: Experiment) {
    this.#arms = arms.map(({ name }) => name)
    this.#indexes = new Map(this.#arms.map((name, index) => [name, index]))
    const weights = arms.map(({ name, weight }) => ({ name, weight }))
    this.#periods =
      changes.length === 0
        ? [{ at: 0, shares: toShares(weights.map(({ weight }) => weight)) }]
        : changes.map(({ at, weights: changed }) => ({
            at,
            shares: toShares(weights.map(({ name, weight }) => changed[name] ?? weight)),
          }))
    this.#test = new SampleRatioTest(arms.length)
    this.#expected = arms.map(() => 0)
    this.#units = arms.map(() => 0)
  }

  /** Units in the order of their assignment. */
  add({ arm, assigned_at: at }: Pick<UnitSummary, 'arm' | 'assigned_at'>): void {
    const index = this.#indexes.get(arm)
    if (index === undefined) return
    while ((this.#periods[this.#period + 1]?.at ?? Number.POSITIVE_INFINITY) <= at) {
      this.#period++
      this.#test.restart()
    }
    const shares = this.#periods[this.#period]?.shares ?? []
    this.#test.add(index, shares)
    this.#units[index] = (this.#units[index] ?? 0) + 1
    for (const [i, share] of shares.entries()) this.#expected[i] = (this.#expected[i] ?? 0) + share
    if (this.#alarmAt === null && this.#test.pValue < RATE) this.#alarmAt = at
  }

  report(): Report['sample_ratio'] {
    const total = this.#units.reduce((sum, units) => sum + units, 0)
    return {
      is_alarm: this.#alarmAt !== null,
      p_value: this.#test.pValue,
      rate: RATE,
      alarm_at: this.#alarmAt === null ? null : new Date(this.#alarmAt).toISOString(),
      arms: this.#arms.map((arm, index) => {
        const [units = 0, expected = 0] = [this.#units[index], this.#expected[index]]
        return {
          arm,
          units,
          expected,
          share: units / Math.max(1, total),
          expected_share: Math.min(1, total > 0 ? expected / total : (this.#periods[0]?.shares[index] ?? 0)),
        }
      }),
    }
  }
}

function toShares(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

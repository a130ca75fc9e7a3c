import type { ArmTotals } from './arm-totals.ts'
import type { Difference } from './schema.ts'
import type { Settings } from './settings.ts'
import {
  compareRatios,
  detectableEffect,
  type RatioDifference,
  type SequenceOptions,
  sequenceFactor,
  unitsFor,
} from './statistics/confidence-sequence.ts'
import { toFinite, toInterval, UNKNOWN } from './statistics/intervals.ts'
import { RatioSums } from './statistics/ratio.ts'

type Metric = Pick<Difference, 'metric' | 'kind' | 'role' | 'is_higher_better'>

/** Arms of an experiment, the baseline first. */
export interface NamedTotals {
  name: string
  totals: ArmTotals
}

/**
 * Compares every arm with the first one. The deciding outcome and the billed tokens of all arms share one error rate, so
 * that all statements of the conclusion hold together; all other metrics share a second one.
 */
export class Comparisons {
  readonly #primary: string
  readonly #settings: Settings
  readonly #arms: readonly NamedTotals[]

  constructor(primary: string, settings: Settings, arms: readonly NamedTotals[]) {
    this.#primary = primary
    this.#settings = settings
    this.#arms = arms
  }

  get #challengers(): readonly NamedTotals[] {
    return this.#arms.slice(1)
  }

  /** Names of all outcomes, the deciding one first. */
  outcomeNames(): string[] {
    const names = new Set(this.#arms.flatMap(({ totals }) => [...totals.outcomes.keys()]))
    names.delete(this.#primary)
    return [this.#primary, ...[...names].sort()]
  }

  isShare(outcome: string): boolean {
    return this.#arms.every(({ totals }) => totals.outcomes.get(outcome)?.isShare ?? true)
  }

  all(): Difference[] {
    const metrics = this.#metrics()
    const secondary = metrics.filter(({ role }) => role === 'secondary').length
    return metrics.flatMap((metric) =>
      this.#challengers.map((arm) => this.#compare(metric, arm, metric.role === 'secondary' ? secondary : 2)),
    )
  }

  /** The interval of the deciding outcome, computed in constant time. */
  primaryNow(): { arm: string; value: number | null; low: number | null; high: number | null }[] {
    const metric = this.#primaryMetric()
    return this.#challengers.map((arm) => {
      const { compared, sequence } = this.#ratios(metric, arm, 2)
      if (!compared || compared.se === 0) return { arm: arm.name, ...UNKNOWN }
      const half = sequenceFactor(compared.units, sequence) * compared.se
      return { arm: arm.name, ...toInterval(compared.value, compared.value - half, compared.value + half) }
    })
  }

  /** Units of both arms together at which a difference of the deciding outcome is found; `null` while unknown. */
  unitsToDetect(armName: string, effect: number): number | null {
    const arm = this.#challengers.find(({ name }) => name === armName)
    if (!arm) return null
    const { compared, sequence } = this.#ratios(this.#primaryMetric(), arm, 2)
    if (!compared || compared.se === 0) return null
    return toFinite(unitsFor(effect, compared, sequence, this.#settings.power))
  }

  #primaryMetric(): Metric {
    const isHigherBetter = !this.#settings.lowerIsBetter.has(this.#primary)
    return { metric: this.#primary, kind: 'outcome', role: 'primary', is_higher_better: isHigherBetter }
  }

  #metrics(): Metric[] {
    const measure = { kind: 'measure', is_higher_better: false } as const
    const [, ...others] = this.outcomeNames()
    return [
      this.#primaryMetric(),
      { metric: 'billed_tokens', role: 'cost', ...measure },
      { metric: 'tokens', role: 'secondary', ...measure },
      { metric: 'latency_ms', role: 'secondary', ...measure },
      ...others.map((metric) => ({
        metric,
        kind: 'outcome' as const,
        role: 'secondary' as const,
        is_higher_better: !this.#settings.lowerIsBetter.has(metric),
      })),
    ]
  }

  /** @param metrics number of metrics that share the error rate */
  #ratios(metric: Metric, arm: NamedTotals, metrics: number) {
    const baseline = this.#arms[0] ?? arm
    const { confidence, plannedUnits, minimumUnits } = this.#settings
    const alpha = (1 - confidence) / (metrics * Math.max(1, this.#challengers.length))
    const sequence: SequenceOptions = { alpha, plannedUnits }
    const [ofArm, ofBaseline] = [ratioOf(arm.totals, metric), ratioOf(baseline.totals, metric)]
    const isEnough = Math.min(ofArm.units, ofBaseline.units) >= minimumUnits
    const isShare = metric.kind === 'outcome' && this.isShare(metric.metric)
    const compared = isEnough ? compareRatios(ofArm, ofBaseline, isShare) : null
    return { baseline, ofArm, ofBaseline, compared, sequence }
  }

  #compare(metric: Metric, arm: NamedTotals, metrics: number): Difference {
    const { baseline, ofArm, ofBaseline, compared, sequence } = this.#ratios(metric, arm, metrics)
    const base: Difference = {
      arm: arm.name,
      baseline: baseline.name,
      ...metric,
      status: 'too_early',
      units: { arm: ofArm.units, baseline: ofBaseline.units },
      value: toFinite(ofArm.ratio - ofBaseline.ratio),
      low: null,
      high: null,
      relative: UNKNOWN,
      confidence: 1 - sequence.alpha,
      verdict: 'undecided',
      minimum_detectable_effect: null,
    }
    if (!compared) return base
    if (compared.se === 0) return { ...base, status: 'constant' }
    const half = sequenceFactor(compared.units, sequence) * compared.se
    const [low, high] = [compared.value - half, compared.value + half]
    return {
      ...base,
      status: 'compared',
      ...toInterval(compared.value, low, high),
      relative: relativeOf(ofArm, ofBaseline, compared, sequence),
      verdict: verdictOf(low, high, metric.is_higher_better),
      minimum_detectable_effect: toFinite(detectableEffect(compared, sequence, this.#settings.power)),
    }
  }
}

function ratioOf(totals: ArmTotals, { metric, kind }: Metric): RatioSums {
  if (kind === 'outcome') return totals.outcomes.get(metric) ?? NOTHING
  if (metric === 'billed_tokens') return totals.billedTokens
  return metric === 'tokens' ? totals.tokens : totals.totalMs
}

const NOTHING = new RatioSums()

/** The interval of the quotient, computed for its logarithm, less 1. */
function relativeOf(
  arm: RatioSums,
  baseline: RatioSums,
  { units, relativeSe }: RatioDifference,
  sequence: SequenceOptions,
): Difference['relative'] {
  if (!(arm.ratio > 0 && baseline.ratio > 0)) return UNKNOWN
  const log = Math.log(arm.ratio / baseline.ratio)
  const half = sequenceFactor(units, sequence) * relativeSe
  return toInterval(Math.expm1(log), Math.expm1(log - half), Math.expm1(log + half))
}

function verdictOf(low: number, high: number, isHigherBetter: boolean): Difference['verdict'] {
  if (low > 0) return isHigherBetter ? 'better' : 'worse'
  if (high < 0) return isHigherBetter ? 'worse' : 'better'
  return 'undecided'
}

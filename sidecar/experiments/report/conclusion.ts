import type { Experiment } from '../model.ts'
import type { Comparisons, NamedTotals } from './comparisons.ts'
import { boundsOf, type Kind, kindOf } from './kinds.ts'
import type { Difference, Report } from './schema.ts'
import type { Settings } from './settings.ts'
import { toFinite } from './statistics/intervals.ts'
import {
  code,
  formatNumber,
  formatPercent,
  formatPlainSize,
  formatSize,
  formatUnits,
  joinNames,
  roundBoundUp,
  roundCountUp,
  signedPercent,
} from './wording.ts'

export interface ConclusionInput {
  experiment: Experiment
  arms: readonly NamedTotals[]
  comparisons: Comparisons
  differences: readonly Difference[]
  ratio: Report['sample_ratio']
  settings: Settings
}

type Conclusion = Report['conclusion']

/** An arm other than the baseline, with what is known about its outcome and its cost. */
interface Challenger {
  arm: string
  outcome: Difference
  cost: Difference
  kind: Kind
}

/** Writes the conclusion: what to do, and how sure that is. */
export function conclude(input: ConclusionInput): Conclusion {
  return new ConclusionWriter(input).conclusion()
}

class ConclusionWriter {
  readonly #input: ConclusionInput
  readonly #isShare: boolean
  readonly #margin: number
  /** `95 %` */
  readonly #confidence: string

  constructor(input: ConclusionInput) {
    const { experiment, comparisons, arms, settings } = input
    this.#input = input
    this.#isShare = comparisons.isShare(experiment.outcome)
    const baselineMean = Math.abs(arms[0]?.totals.outcomes.get(experiment.outcome)?.ratio ?? Number.NaN)
    this.#margin = settings.margin ?? (this.#isShare ? 0.05 : 0.05 * (toFinite(baselineMean) ?? 0))
    this.#confidence = formatPercent(settings.confidence)
  }

  conclusion(): Conclusion {
    const { arms, ratio } = this.#input
    if (arms.length < 2) return say('no_units', null, 'Nothing to compare: the experiment has one arm.')
    if (ratio.is_alarm) return this.#sampleRatio()
    const isEmpty = ({ totals }: NamedTotals) => totals.units === 0
    const [baseline, ...others] = arms
    if ((baseline && isEmpty(baseline)) || others.every(isEmpty)) {
      const names = joinNames(arms.filter(isEmpty).map(({ name }) => code(name)))
      return say('no_units', null, `Too early: no ${this.#unit} was assigned to ${names} yet.`)
    }
    const hasOutcome = arms.some(({ totals }) => totals.outcomes.has(this.#outcome))
    if (!hasOutcome) return this.#noOutcome()
    const challengers = this.#challengers().filter(({ outcome }) => outcome.status !== 'too_early')
    return challengers.length === 0 ? this.#tooEarly() : this.#compared(challengers)
  }

  get #outcome(): string {
    return this.#input.experiment.outcome
  }

  get #unit(): string {
    return this.#input.experiment.unit
  }

  get #baseline(): string {
    return this.#input.arms[0]?.name ?? ''
  }

  get #units(): string {
    return formatUnits(
      this.#input.arms.reduce((sum, { totals }) => sum + totals.units, 0),
      this.#unit,
    )
  }

  #challengers(): Challenger[] {
    const { differences } = this.#input
    return differences
      .filter(({ role }) => role === 'primary')
      .flatMap((outcome) => {
        const cost = differences.find(({ role, arm }) => role === 'cost' && arm === outcome.arm)
        return cost ? [{ arm: outcome.arm, outcome, cost, kind: kindOf(outcome, cost, this.#margin) }] : []
      })
  }

  #sampleRatio(): Conclusion {
    const { ratio } = this.#input
    const worst = ratio.arms.toSorted(
      (a, b) => Math.abs(b.units - b.expected) - Math.abs(a.units - a.expected),
    )[0]
    const isBack = worst !== undefined && formatPercent(worst.share) === formatPercent(worst.expected_share)
    const numbers =
      worst && !isBack
        ? `${code(worst.arm)} got ${formatPercent(worst.share)} of ${this.#units} instead of ${formatPercent(worst.expected_share)}`
        : `the arms got other shares of the ${this.#unit}s than planned for a time`
    const chance = `by chance in less than ${formatPercent(Math.max(0.001, ratio.p_value))} of all experiments`
    return say(
      'sample_ratio',
      null,
      `Do not use these results: ${numbers}, which happens ${chance}. Find out why ${this.#unit}s are missing first.`,
    )
  }

  #noOutcome(): Conclusion {
    const costs = this.#input.differences
      .filter(({ role, verdict }) => role === 'cost' && verdict !== 'undecided')
      .map((cost) => `${code(cost.arm)} is ${costOf(cost)}`)
    const known =
      costs.length > 0 ? ` Known so far: ${joinNames(costs)} with ${this.#confidence} confidence.` : ''
    return say(
      'no_outcome',
      null,
      `No ${this.#outcomeCode} is recorded yet (${this.#units}), so nothing is known about the answers: record it, or choose another deciding outcome.${known}`,
    )
  }

  #tooEarly(): Conclusion {
    const { minimumUnits } = this.#input.settings
    const counts = this.#input.arms.map(({ name, totals }) => ({
      name,
      units: totals.outcomes.get(this.#outcome)?.units ?? 0,
    }))
    const fewest = counts.toSorted((a, b) => a.units - b.units)[0] ?? { name: '', units: 0 }
    return say(
      'too_early',
      null,
      `Too early: ${this.#outcomeCode} is known for ${formatUnits(fewest.units, this.#unit)} of ${code(fewest.name)}; each arm needs ${minimumUnits}.`,
    )
  }

  /** Decides by the first kind, in this order, that any arm has. */
  #compared(challengers: readonly Challenger[]): Conclusion {
    const best = (kind: Kind, by: (challenger: Challenger) => number) =>
      challengers.filter((challenger) => challenger.kind === kind).toSorted((a, b) => by(b) - by(a))[0]
    const gain = ({ outcome }: Challenger) => (outcome.value ?? 0) * (outcome.is_higher_better ? 1 : -1)
    const saving = ({ cost }: Challenger) => -(cost.value ?? 0)
    const better = best('better', gain)
    if (better) return this.#better(better)
    const cheaper = best('cheaper', saving)
    if (cheaper) return this.#cheaper(cheaper)
    const undecided = best('undecided', (challenger) => -widthOf(challenger.outcome))
    if (undecided) return this.#undecided(undecided)
    const tradeOff = best('trade_off', saving)
    if (tradeOff) return this.#tradeOff(tradeOff)
    const rejected = best('keep_baseline', gain)
    if (rejected) return this.#keepBaseline(rejected)
    const same = best('no_difference', gain)
    return same ? this.#noDifference(same) : say('undecided', null, `Continue: ${this.#units} so far.`)
  }

  #better({ arm, outcome, cost }: Challenger): Conclusion {
    const also =
      cost.verdict === 'undecided'
        ? ''
        : `, ${cost.verdict === 'worse' ? 'but' : 'and'} ${code(arm)} is ${costOf(cost)}`
    return say(
      'better',
      arm,
      `Use ${code(arm)}: ${this.#outcomeCode} is ${this.#change(outcome)} than for ${this.#baselineCode}${also}, ${this.#evidence}.`,
    )
  }

  #cheaper({ arm, outcome, cost }: Challenger): Conclusion {
    return say(
      'cheaper',
      arm,
      `Use ${code(arm)}: it is ${costOf(cost)}, and ${this.#atMost(outcome)}, ${this.#evidence}.`,
    )
  }

  #undecided({ arm, outcome, cost }: Challenger): Conclusion {
    if (outcome.low === null || outcome.high === null) {
      return say(
        'undecided',
        null,
        `Continue: all values of ${this.#outcomeCode} with ${code(arm)} and ${this.#baselineCode} are equal so far, after ${this.#units}.`,
      )
    }
    const { low: least, high: most } = cost.relative
    const unclear =
      least === null || most === null
        ? ''
        : ` The billed tokens differ by ${signedPercent(least)} to ${signedPercent(most)}.`
    const price = cost.verdict === 'undecided' ? unclear : ` ${code(arm)} is ${costOf(cost)}.`
    const [low, high] = [this.#size(outcome.low), this.#size(outcome.high)]
    const difference = `${this.#outcomeCode} for ${code(arm)} is between ${low} lower and ${high} higher than for ${this.#baselineCode}`
    return say('undecided', null, `Continue: ${difference}, ${this.#evidence}.${price}${this.#plan(outcome)}`)
  }

  /** States the difference that this many units detect, and how many units the margin needs. */
  #plan({ arm, units, minimum_detectable_effect: detectable }: Difference): string {
    if (detectable === null) return ''
    const power = formatPercent(this.#input.settings.power)
    const now = ` This many ${this.#unit}s find a difference of ${this.#size(detectable)} in ${power} of all experiments`
    const needed = this.#input.comparisons.unitsToDetect(arm, this.#margin)
    if (needed === null || needed <= units.arm + units.baseline) return `${now}.`
    const count = formatUnits(roundCountUp(needed), this.#unit)
    return `${now}; a difference of ${this.#size(this.#margin)} takes about ${count} with ${this.#outcomeCode} in the two arms.`
  }

  #tradeOff({ arm, outcome, cost }: Challenger): Conclusion {
    return say(
      'trade_off',
      this.#baseline,
      `Keep ${this.#baselineCode} unless the saving is worth it: ${code(arm)} is ${costOf(cost)}, but its ${this.#outcomeCode} is ${this.#change(outcome)}, ${this.#evidence}.`,
    )
  }

  #keepBaseline({ arm, outcome, cost }: Challenger): Conclusion {
    const reason =
      outcome.verdict === 'worse'
        ? `${this.#outcomeCode} of ${code(arm)} is ${this.#change(outcome)}`
        : `${code(arm)} is ${costOf(cost)}, and ${this.#atMost(outcome)}`
    return say('keep_baseline', this.#baseline, `Keep ${this.#baselineCode}: ${reason}, ${this.#evidence}.`)
  }

  #noDifference({ arm, outcome, cost }: Challenger): Conclusion {
    const most = Math.max(Math.abs(cost.relative.low ?? 0), Math.abs(cost.relative.high ?? 0))
    return say(
      'no_difference',
      this.#baseline,
      `Keep ${this.#baselineCode}, or use ${code(arm)}: ${this.#atMost(outcome)}, and the billed tokens differ by at most ${formatPercent(roundBoundUp(most, true))}, ${this.#evidence}.`,
    )
  }

  get #outcomeCode(): string {
    return code(this.#outcome)
  }

  get #baselineCode(): string {
    return code(this.#baseline)
  }

  get #evidence(): string {
    return `with ${this.#confidence} confidence after ${this.#units}`
  }

  #size(size: number): string {
    return formatSize(size, this.#isShare)
  }

  /** `6 points higher (2 to 10)` */
  #change({ value, low, high }: Difference): string {
    const bounds = [Math.abs(low ?? 0), Math.abs(high ?? 0)].sort((a, b) => a - b)
    const range = bounds.map((bound) => formatPlainSize(bound, this.#isShare)).join(' to ')
    return `${this.#size(value ?? 0)} ${(value ?? 0) > 0 ? 'higher' : 'lower'} (${range})`
  }

  /** Bounds both directions when both are within the margin, otherwise the direction that is. */
  #atMost(outcome: Difference): string {
    const name = this.#outcomeCode
    const { loss, gain } = boundsOf(outcome)
    const most = Math.max(loss, gain)
    if (most <= this.#margin)
      return `${name} differs by at most ${this.#size(roundBoundUp(most, this.#isShare))}`
    return loss <= gain
      ? `${name} is at most ${this.#size(roundBoundUp(loss, this.#isShare))} worse`
      : `${name} is at most ${this.#size(roundBoundUp(gain, this.#isShare))} better`
  }
}

function say(kind: Kind, arm: string | null, sentence: string): Conclusion {
  return { kind, arm, sentence }
}

function widthOf({ low, high }: Difference): number {
  return low === null || high === null ? Number.POSITIVE_INFINITY : high - low
}

/** `31 % cheaper`, or in tokens when the baseline bills none. */
function costOf({ value, relative }: Difference): string {
  if (relative.value === null) {
    const amount = `${formatNumber(Math.abs(value ?? 0))} billed tokens per turn`
    return (value ?? 0) < 0 ? `cheaper by ${amount}` : `more expensive by ${amount}`
  }
  return relative.value < 0
    ? `${formatPercent(-relative.value)} cheaper`
    : `${formatPercent(relative.value)} more expensive`
}

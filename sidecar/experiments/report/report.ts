import type { Experiment, UnitSummary } from '../model.ts'
import { toArmReport } from './arm-report.ts'
import { ArmTotals } from './arm-totals.ts'
import { Comparisons, type NamedTotals } from './comparisons.ts'
import { conclude } from './conclusion.ts'
import { Course, toTime } from './course.ts'
import type { Difference, Report } from './schema.ts'
import { type ReportOptions, type Settings, toSettings } from './settings.ts'
import { code, formatUnits, joinNames } from './wording.ts'

/** Computes the report of an experiment from its units, in time proportional to them. */
export class ReportBuilder {
  readonly #experiment: Experiment
  readonly #settings: Settings
  readonly #arms: readonly NamedTotals[]
  readonly #totalsByName: ReadonlyMap<string, ArmTotals>
  readonly #course: Course
  #unknown = 0

  /** @throws {RangeError} when an option is out of its range */
  constructor(experiment: Experiment, options: ReportOptions = {}) {
    this.#experiment = experiment
    this.#settings = toSettings(options)
    this.#arms = experiment.arms.map(({ name }) => ({ name, totals: new ArmTotals() }))
    this.#totalsByName = new Map(this.#arms.map(({ name, totals }) => [name, totals]))
    this.#course = new Course(experiment, this.#settings)
  }

  /** Adds a unit to the sums and keeps little of it: many whole units in memory would double the time. In any order. */
  add(unit: UnitSummary): void {
    const totals = this.#totalsByName.get(unit.arm)
    if (!totals) {
      this.#unknown++
      return
    }
    totals.add(unit)
    this.#course.add(unit)
  }

  report(): Report {
    const [experiment, settings, arms] = [this.#experiment, this.#settings, this.#arms]
    const comparisons = new Comparisons(experiment.outcome, settings, arms)
    const differences = comparisons.all()
    const { series, sample_ratio: ratio } = this.#course.report()
    return {
      experiment: experiment.name,
      status: experiment.status,
      unit: experiment.unit,
      outcome: experiment.outcome,
      baseline: arms[0]?.name ?? '',
      created_at: toTime(experiment.created_at),
      started_at: toTimeOrNull(experiment.started_at),
      stopped_at: toTimeOrNull(experiment.stopped_at),
      units: arms.reduce((sum, { totals }) => sum + totals.units, 0),
      turns: arms.reduce((sum, { totals }) => sum + totals.turns.value, 0),
      conclusion: conclude({ experiment, arms, comparisons, differences, ratio, settings }),
      warnings: warningsOf(experiment, arms, differences, this.#unknown),
      arms: experiment.arms.map((arm, index) =>
        toArmReport(arm, this.#totalsByName.get(arm.name) ?? new ArmTotals(), {
          isBaseline: index === 0,
          comparisons,
          settings,
        }),
      ),
      differences,
      sample_ratio: ratio,
      series,
      settings: {
        confidence: settings.confidence,
        power: settings.power,
        minimum_units: settings.minimumUnits,
        planned_units: settings.plannedUnits,
        margin: settings.margin,
        price_per_million_tokens: settings.pricePerMillionTokens,
        currency: settings.currency,
      },
    }
  }
}

/** @throws {RangeError} when an option is out of its range */
export function createReport(
  experiment: Experiment,
  units: Iterable<UnitSummary>,
  options: ReportOptions = {},
): Report {
  const builder = new ReportBuilder(experiment, options)
  for (const unit of units) builder.add(unit)
  return builder.report()
}

function warningsOf(
  { outcome, unit, weight_changes: changes = [] }: Experiment,
  arms: readonly NamedTotals[],
  differences: readonly Difference[],
  unknown: number,
): string[] {
  const hasOutcome = arms.some(({ totals }) => totals.outcomes.has(outcome))
  const warnings = arms
    .filter(({ totals }) => hasOutcome && totals.units > 0 && !totals.outcomes.has(outcome))
    .map(({ name }) => `No ${code(outcome)} is recorded for ${code(name)}.`)
  const early = differences.filter(({ role, status }) => role === 'primary' && status === 'too_early')
  if (early.length > 0 && early.length < arms.length - 1) {
    const names = joinNames(early.map(({ arm }) => code(arm)))
    warnings.push(`The conclusion leaves out ${names}: too few ${unit}s with ${code(outcome)}.`)
  }
  if (changes.length > 1) {
    warnings.push(
      'Weights changed during the experiment: if outcomes also changed over time, the arms differ for that reason alone.',
    )
  }
  if (unknown > 0) warnings.push(`${formatUnits(unknown, unit)} of unknown arms are left out.`)
  return warnings
}

function toTimeOrNull(at: number | null): string | null {
  return at === null ? null : toTime(at)
}

import type { Experiment, UnitSummary } from '../model.ts'
import { toArmReport } from './arm-report.ts'
import { ArmTotals } from './arm-totals.ts'
import { Comparisons, type NamedTotals } from './comparisons.ts'
import { conclude } from './conclusion.ts'
import { SampleRatio } from './sample-ratio.ts'
import type { Difference, Report } from './schema.ts'
import { type ReportOptions, toSettings } from './settings.ts'
import { code, formatUnits, joinNames } from './wording.ts'

const MAX_POINTS = 100

/**
 * Computes the report of an experiment from its units, in time proportional to them and independent of their order.
 *
 * @throws {RangeError} when an option is out of its range
 */
export function createReport(
  experiment: Experiment,
  units: Iterable<UnitSummary>,
  options: ReportOptions = {},
): Report {
  const settings = toSettings(options)
  const arms: NamedTotals[] = experiment.arms.map(({ name }) => ({ name, totals: new ArmTotals() }))
  const totalsByName = new Map(arms.map(({ name, totals }) => [name, totals]))
  const comparisons = new Comparisons(experiment.outcome, settings, arms)
  const sampleRatio = new SampleRatio(experiment)
  const all = [...units]
  const ordered = all.filter(({ arm }) => totalsByName.has(arm))
  const unknown = all.length - ordered.length
  ordered.sort((a, b) => a.assigned_at - b.assigned_at)
  const step = Math.ceil(ordered.length / MAX_POINTS)
  const series: Report['series'] = []
  for (const [index, unit] of ordered.entries()) {
    totalsByName.get(unit.arm)?.add(unit)
    sampleRatio.add(unit)
    if ((index + 1) % step === 0 || index + 1 === ordered.length) {
      series.push({ at: toTime(unit.assigned_at), units: index + 1, differences: pointsOf(comparisons) })
    }
  }
  const differences = comparisons.all()
  const ratio = sampleRatio.report()
  const turns = arms.reduce((sum, { totals }) => sum + totals.turns.value, 0)
  return {
    experiment: experiment.name,
    status: experiment.status,
    unit: experiment.unit,
    outcome: experiment.outcome,
    baseline: arms[0]?.name ?? '',
    created_at: toTime(experiment.created_at),
    started_at: toTimeOrNull(experiment.started_at),
    stopped_at: toTimeOrNull(experiment.stopped_at),
    units: ordered.length,
    turns,
    conclusion: conclude({ experiment, arms, comparisons, differences, ratio, settings }),
    warnings: warningsOf(experiment, arms, differences, unknown),
    arms: experiment.arms.map((arm, index) =>
      toArmReport(arm, totalsByName.get(arm.name) ?? new ArmTotals(), {
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

function pointsOf(comparisons: Comparisons): Report['series'][number]['differences'] {
  return comparisons.primary().map(({ arm, value, low, high }) => ({ arm, value, low, high }))
}

function toTime(at: number): string {
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString()
}

function toTimeOrNull(at: number | null): string | null {
  return at === null ? null : toTime(at)
}

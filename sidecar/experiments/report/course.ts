import type { Experiment, Moments, UnitSummary } from '../model.ts'
import { ArmTotals } from './arm-totals.ts'
import { Comparisons } from './comparisons.ts'
import { SampleRatio } from './sample-ratio.ts'
import type { Report } from './schema.ts'
import type { Settings } from './settings.ts'

const MAX_POINTS = 100

/** What the parts of a report that depend on the order of assignment need of a unit. */
interface AssignedUnit extends Pick<UnitSummary, 'arm' | 'assigned_at'> {
  /** Values of the deciding outcome. */
  primary: Moments | undefined
}

/** The course of an experiment: differences and sample ratio in the order of assignment. */
export class Course {
  readonly #experiment: Experiment
  readonly #settings: Settings
  readonly #units: AssignedUnit[] = []

  constructor(experiment: Experiment, settings: Settings) {
    this.#experiment = experiment
    this.#settings = settings
  }

  /** Units in any order. */
  add({ arm, assigned_at, outcomes }: UnitSummary): void {
    this.#units.push({ arm, assigned_at, primary: outcomes[this.#experiment.outcome] })
  }

  report(): Pick<Report, 'series' | 'sample_ratio'> {
    const { outcome } = this.#experiment
    const arms = this.#experiment.arms.map(({ name }) => ({ name, totals: new ArmTotals() }))
    const totalsByName = new Map(arms.map(({ name, totals }) => [name, totals]))
    const comparisons = new Comparisons(outcome, this.#settings, arms)
    const sampleRatio = new SampleRatio(this.#experiment)
    const ordered = this.#units.sort((a, b) => a.assigned_at - b.assigned_at)
    const step = Math.ceil(ordered.length / MAX_POINTS)
    const series: Report['series'] = []
    for (const [index, unit] of ordered.entries()) {
      if (unit.primary) totalsByName.get(unit.arm)?.outcome(outcome).addMoments(unit.primary)
      sampleRatio.add(unit)
      if ((index + 1) % step === 0 || index + 1 === ordered.length) {
        series.push({ at: toTime(unit.assigned_at), units: index + 1, differences: pointsOf(comparisons) })
      }
    }
    return { series, sample_ratio: sampleRatio.report() }
  }
}

function pointsOf(comparisons: Comparisons): Report['series'][number]['differences'] {
  return comparisons.primary().map(({ arm, value, low, high }) => ({ arm, value, low, high }))
}

export function toTime(at: number): string {
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString()
}

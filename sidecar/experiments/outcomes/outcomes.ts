import type { Scope } from '../../memory/model/scope.ts'
import type { Experiment } from '../model.ts'

/** A unit of an experiment with the arm that it is assigned to. */
export interface AssignedUnit {
  experiment: Pick<Experiment, 'name'>
  unitId: string
  arm: string
}

/** Where outcomes are kept, beside the exposures of a unit. */
export interface OutcomeStore<Unit extends AssignedUnit = AssignedUnit> {
  /** The units that a conversation of a user belongs to, one per experiment that has assigned it. */
  attribute(of: { scope: Scope; conversationId: string | undefined }): Promise<readonly Unit[]>
  /**
   * Replaces the outcome with the same id and name; a value of `null` removes it.
   * @returns the value before; `undefined` if there was none
   */
  addOutcome(unit: Unit, outcome: StoredOutcome): Promise<number | undefined>
}

export interface StoredOutcome {
  id: string
  name: string
  value: number | null
  /** Epoch milliseconds. */
  at: number
}

export interface Outcome {
  name: string
  /** `null` removes the outcome with this id. */
  value: number | null
  conversationId: string | undefined
  turn?: number | undefined
  /** Makes the outcome idempotent; default: one outcome of this name per turn, or a new one without a turn. */
  id?: string | undefined
}

/** What became of an outcome for one unit. */
export interface Recorded {
  experiment: string
  arm: string
  name: string
  value: number | null
  /** `undefined`: the outcome is new. */
  previous: number | undefined
}

export interface OutcomesOptions {
  store: OutcomeStore
  onRecorded: (recorded: Recorded) => void
  /** Epoch milliseconds. */
  now: () => number
  /** Makes ids that never repeat. */
  newId: () => string
}

/** Attributes outcomes to the units of experiments. */
export class Outcomes {
  readonly #options: OutcomesOptions

  constructor(options: OutcomesOptions) {
    this.#options = options
  }

  /** Returns the arms that got the outcome: none, where no experiment has assigned the conversation or the user. */
  async record(scope: Scope, outcome: Outcome): Promise<{ experiment: string; arm: string }[]> {
    const { store, onRecorded, now } = this.#options
    const { name, value, conversationId } = outcome
    const units = await store.attribute({ scope, conversationId })
    if (units.length === 0) return []
    const stored = { id: this.#idOf(outcome), name, value, at: now() }
    return await Promise.all(
      units.map(async (unit) => {
        const attributed = { experiment: unit.experiment.name, arm: unit.arm }
        const previous = await store.addOutcome(unit, stored)
        onRecorded({ ...attributed, name, value, previous })
        return attributed
      }),
    )
  }

  /** Ids of callers, of turns and random ones cannot be equal. */
  #idOf({ id, conversationId, turn }: Outcome): string {
    if (id !== undefined) return `id:${id}`
    if (turn !== undefined) return `turn:${JSON.stringify([conversationId, turn])}`
    return `new:${this.#options.newId()}`
  }
}

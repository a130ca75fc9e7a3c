import { randomUUID } from 'node:crypto'
import type { Scope } from '../../memory/model/scope.ts'
import type { Experiments } from '../online/experiments.ts'

export interface Outcome {
  name: string
  /** `null` removes the outcome with this name and id. */
  value: number | null
  conversationId: string | undefined
  turn?: number | undefined
  /** Makes the outcome idempotent; default: one outcome of this name per turn, or a new one without a turn. */
  id?: string | undefined
}

interface Attributed {
  attributed: { experiment: string; arm: string }[]
  /** Why `attributed` is empty. `no_unit`: no experiment has assigned the conversation or the user. */
  reason: 'no_unit' | 'not_counted' | null
}

export interface OutcomesOptions {
  experiments: Pick<Experiments, 'attribute' | 'addOutcome' | 'noteOutcome'>
  /** Epoch milliseconds. */
  now: () => number
}

/** Attributes outcomes to the units of experiments. */
export class Outcomes {
  readonly #options: OutcomesOptions

  constructor(options: OutcomesOptions) {
    this.#options = options
  }

  /** Stores an outcome before it resolves. */
  async record(scope: Scope, outcome: Outcome): Promise<Attributed> {
    const { experiments } = this.#options
    const { units, row } = await this.#attribute(scope, outcome)
    const effects = await Promise.all(units.map((unit) => experiments.addOutcome(unit, row)))
    const attributed = units
      .filter((_, i) => effects[i] !== 'unknown' && effects[i] !== 'refused')
      .map(({ experiment, arm }) => ({ experiment: experiment.name, arm }))
    const reason = units.length === 0 ? 'no_unit' : attributed.length === 0 ? 'not_counted' : null
    return { attributed, reason }
  }

  /** Buffers an outcome, for those that are derived. */
  async note(scope: Scope, outcome: Outcome): Promise<void> {
    const { units, row } = await this.#attribute(scope, outcome)
    for (const unit of units) this.#options.experiments.noteOutcome(unit, row)
  }

  async #attribute(scope: Scope, outcome: Outcome) {
    const { experiments, now } = this.#options
    const { name, value, conversationId } = outcome
    const units = await experiments.attribute({ scope, conversationId })
    return { units, row: { id: idOf(outcome), name, value, at: now() } }
  }
}

/** Prefixes keep ids of callers, of turns and random ids apart. */
function idOf({ id, conversationId, turn }: Outcome): string {
  if (id !== undefined) return `id:${id}`
  if (turn !== undefined) return `turn:${JSON.stringify([conversationId, turn])}`
  return `new:${randomUUID()}`
}

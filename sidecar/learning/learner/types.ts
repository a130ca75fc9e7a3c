import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import type { MemoryGraph } from '../../memory/model/graph.ts'
import type { Cause } from '../../memory/model/history.ts'
import type { Source } from '../../memory/model/memory.ts'
import type { Effect, MemoryEvent, Turn } from '../../memory/model/turns.ts'
import type { AppRules } from '../../memory/rules/rules.ts'
import type { Fact } from '../extraction/types.ts'

/** A fact with its vector and its sources. */
export interface Learned {
  fact: Fact
  dense: Float32Array
  /** Oldest first; never empty. */
  sources: Source[]
  /** Entities and relations that the fact states. */
  graph: MemoryGraph
}

/** A change of a memory and the turn that caused it. */
export interface TurnEvent {
  turnId: string
  event: MemoryEvent
}

export interface ApplyContext {
  turns: readonly Turn[]
  learned: readonly Learned[]
  rules: AppRules
  model: string
  promptVersion: string
}

/** A fact that is being applied to the memories. */
export interface FactContext {
  unit: UnitOfWork
  context: ApplyContext
  learned: Learned
  /** The turns that state the fact, the latest last; never empty. */
  statedIn: readonly Turn[]
  cause: Cause
  /** Position in the decisions of the batch. */
  nth: number
}

/** The outcome of one decision. */
export interface Applied {
  event: MemoryEvent
  effect: Effect
  /** The turns that the effect is recorded with, the latest last. */
  through: readonly Turn[]
}

/** The turns that state a fact, the latest last; never empty. */
export function turnsOf({ sources }: Learned, turns: readonly Turn[]): Turn[] {
  const ids = [...new Set(sources.map(({ turn_id }) => turn_id).toReversed())].toReversed()
  const found = ids.flatMap((id) => turns.find((turn) => turn.id === id) ?? [])
  return found.length > 0 ? found : [turns.at(-1) as Turn]
}

import type { RecordStore } from '../../ports/records.ts'
import type { AppRules } from '../../rules/rules.ts'
import type { MemoryEvent } from '../events.ts'
import type { Fact } from '../extract/types.ts'
import type { Cause } from '../history.ts'
import type { Source } from '../memory.ts'
import type { Effect, Turn } from '../turns.ts'
import type { UnitOfWork } from '../unit-of-work.ts'

/** A fact with its vector and the places that it was said at. */
export interface Learned {
  fact: Fact
  dense: Float32Array
  /** Oldest first; never empty. */
  sources: Source[]
}

/** What happened, and through which turn. */
export interface TurnEvent {
  turnId: string
  event: MemoryEvent
}

export interface ApplyContext {
  records: RecordStore
  turns: readonly Turn[]
  learned: readonly Learned[]
  rules: AppRules
  model: string
  promptVersion: string
}

/** One fact on its way into memory. */
export interface Saying {
  unit: UnitOfWork
  context: ApplyContext
  learned: Learned
  /** The turns that say it, the latest last; never empty. */
  says: readonly Turn[]
  cause: Cause
  /** Place among the decisions of the batch. */
  nth: number
}

/** What became of one decision. */
export interface Done {
  event: MemoryEvent
  effect: Effect
  /** The turns that it came through, the latest last. */
  through: readonly Turn[]
}

/** The turns that say a fact, in the order of what they say; never empty. */
export function turnsOf({ sources }: Learned, turns: readonly Turn[]): Turn[] {
  const ids = [...new Set(sources.map(({ turn_id }) => turn_id).toReversed())].toReversed()
  const says = ids.flatMap((id) => turns.find((turn) => turn.id === id) ?? [])
  return says.length > 0 ? says : [turns.at(-1) as Turn]
}

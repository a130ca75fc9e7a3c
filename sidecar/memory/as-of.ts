import { type RecordStore, scrollAll } from '../ports/records.ts'
import type { PastVersion } from './history.ts'
import type { Memory } from './memory.ts'
import type { Held } from './unit-of-work.ts'

export interface HeldThen {
  held: Held
  /** Epoch milliseconds; `null` for what holds still. */
  validUntil: number | null
}

/**
 * What held in a scope at a moment (epoch milliseconds), each memory in its version of then. Words that wait to be
 * learned from have no past, and what expired before that moment did not hold.
 */
export async function asOf(store: RecordStore, scope: string, at: number): Promise<HeldThen[]> {
  const then = new Map<string, HeldThen>()
  const consider = (held: Held, validUntil: number | null) => {
    const { memory } = held
    const holds =
      memory.kind !== 'pending' &&
      memory.valid_from <= at &&
      (validUntil === null || at < validUntil) &&
      (memory.expires_at === null || at < memory.expires_at)
    const other = then.get(memory.id)
    if (holds && (!other || other.held.memory.version < memory.version))
      then.set(memory.id, { held, validUntil })
  }
  for await (const { payload, dense } of scrollAll(store, 'memories', scope)) {
    consider({ memory: payload as unknown as Memory, dense }, null)
  }
  for await (const { id, payload, dense } of scrollAll(store, 'versions', scope)) {
    const { memory, valid_until } = payload as unknown as PastVersion
    // The record under the memory's own id only says that it has ended.
    if (id !== memory.id) consider({ memory, dense }, valid_until)
  }
  return [...then.values()]
}

import type { RecordStore } from '../../ports/records.ts'
import { type Held, scrollMemories } from '../repositories/memories.ts'
import type { OnInvalidRecord } from '../repositories/record.ts'
import { scan } from '../repositories/scan.ts'
import { scrollPastVersions } from '../repositories/versions.ts'

export interface HeldThen {
  held: Held
  /** Epoch milliseconds; `null` for a version that is still valid. */
  validUntil: number | null
}

/** The memories of a scope that were valid at a time (epoch milliseconds), each in its version of that time. */
export async function asOf(
  store: RecordStore,
  scope: string,
  at: number,
  { onInvalid, signal }: { onInvalid?: OnInvalidRecord | undefined; signal?: AbortSignal | undefined } = {},
): Promise<HeldThen[]> {
  const then = new Map<string, HeldThen>()
  const consider = (held: Held, validUntil: number | null) => {
    const { memory } = held
    const isValid =
      memory.kind !== 'pending' &&
      memory.valid_from <= at &&
      (validUntil === null || at < validUntil) &&
      (memory.expires_at === null || at < memory.expires_at)
    const other = then.get(memory.id)
    if (isValid && (!other || other.held.memory.version < memory.version))
      then.set(memory.id, { held, validUntil })
  }
  await scan(async () => {
    for await (const held of scrollMemories(store, scope, onInvalid, { signal })) consider(held, null)
    for await (const { past, dense } of scrollPastVersions(store, scope, onInvalid, signal)) {
      consider({ memory: past.memory, dense }, past.valid_until)
    }
  }, signal)
  return [...then.values()]
}

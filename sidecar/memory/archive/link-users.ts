import type { Embedder } from '../../ports/embedder.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { MemoryEngine } from '../engine/engine.ts'
import { type Scope, scopeKey } from '../model/scope.ts'
import { archiveLines } from './archive.ts'
import { type Archived, archived } from './format.ts'
import { restoreRecords } from './restore.ts'

/** Records per commit. */
const BATCH = 200

export interface LinkOutcome {
  moved: number
  /** Records that the target has already, as after an interrupted call. */
  unchanged: number
  /** Moved turns that are pending extraction. */
  waiting: number
}

/**
 * Moves everything stored for a user to another one, and erases the source at the end. Restoring is idempotent, so after an
 * interruption the next call finishes the move.
 */
export async function linkUsers(
  { engine, records, embedder }: { engine: MemoryEngine; records: RecordStore; embedder: Embedder },
  from: Scope,
  to: Scope,
): Promise<LinkOutcome> {
  const outcome: LinkOutcome = { moved: 0, unchanged: 0, waiting: 0 }
  return await engine.move(from, to, async (change) => {
    let batch: Archived[] = []
    const restore = async () => {
      const { restored, unchanged, waiting } = await change(async (unit) => {
        // Blocks of the target lack what it gets.
        unit.requireFence()
        return await restoreRecords(unit, batch, embedder)
      })
      outcome.moved += restored
      outcome.unchanged += unchanged
      outcome.waiting += waiting.length
      batch = []
    }
    for await (const line of archiveLines(records, scopeKey(from), { userId: from.userId, now: 0 })) {
      const parsed = archived.safeDecode(JSON.parse(line))
      // Neither the header nor the footer is a record.
      if (parsed.success) batch.push(parsed.data)
      if (batch.length >= BATCH) await restore()
    }
    if (batch.length > 0) await restore()
    return outcome
  })
}

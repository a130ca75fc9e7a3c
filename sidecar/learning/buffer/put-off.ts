import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { getPending, putPending } from '../../memory/repositories/pending.ts'
import { getTurn, putTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import { isOutage, MAX_WAIT_MS, retryDelay, UNREADABLE_LIMIT } from './retry.ts'

/** A turn after an attempt that came to nothing: it waits on, or has failed for good. */
export function putOff(
  turn: PendingTurn,
  { reason, retryAfterMs }: { reason: string; retryAfterMs?: number | undefined },
  now: number,
  /** Attempts of the scope that the same trouble made vain; the delay grows with them. */
  inVain: number,
): PendingTurn {
  const isAway = isOutage(reason)
  const unreadable = turn.unreadable + (isAway ? 0 : 1)
  const delay = retryDelay(isAway ? inVain : unreadable)
  return {
    ...turn,
    attempts: turn.attempts + 1,
    unreadable,
    error: reason,
    not_before:
      unreadable >= UNREADABLE_LIMIT ? null : now + Math.min(MAX_WAIT_MS, Math.max(delay, retryAfterMs ?? 0)),
  }
}

/**
 * Writes down why turns wait on, so that it survives a restart.
 * @returns the turns that do not wait any more: learned from, kept verbatim or forgotten meanwhile
 */
export async function notePutOff(
  engine: MemoryEngine,
  records: RecordStore,
  scope: string,
  turns: readonly PendingTurn[],
): Promise<PendingTurn[]> {
  return await engine.change(scope, async (unit) => {
    const gone: PendingTurn[] = []
    for (const turn of turns) {
      const waits = await getPending(records, scope, turn.turn_id)
      if (!waits) gone.push(turn)
      // A newer version of the turn has its own record, and has not been tried.
      if (waits?.revision !== turn.revision) continue
      unit.addWrites(putPending(turn))
      const stored = await getTurn(records, scope, turn.turn_id)
      const state = turn.not_before === null ? 'failed' : 'pending'
      if (stored && stored.state !== 'done' && stored.state !== state) {
        unit.addWrites(putTurn(scope, { ...stored, state }))
      }
    }
    return gone
  })
}

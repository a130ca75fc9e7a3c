import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { getPending, putPending } from '../../memory/repositories/pending.ts'
import { getTurn, putTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { LearnFailure } from '../learner/outcome.ts'

/** Unreadable answers after which a turn has failed for good. */
const UNREADABLE_LIMIT = 5

/** Longest description of a failure, in UTF-16 code units. */
const MAX_DETAIL = 600

const FIRST_DELAY_MS = 2_000
const MAX_DELAY_MS = 15 * 60_000

/** Longest delay that an endpoint may request, milliseconds: quotas are per day at most. */
export const MAX_WAIT_MS = 24 * 3_600_000

/** Failures of an endpoint or store, not of the turn: they are retried without a limit and delay the whole scope. */
const OUTAGES = new Set([
  'timeout',
  'rate_limited',
  'refused_key',
  'server_error',
  'bad_answer',
  'unreachable',
  'circuit_open',
  'overtaken',
  'internal',
  'closing',
])

export function isOutage(reason: string): boolean {
  return OUTAGES.has(reason)
}

/** A turn after a failed attempt: rescheduled, or failed for good. `failures`: consecutive ones of the scope. */
export function reschedule(
  turn: PendingTurn,
  { reason, detail, retryAfterMs = 0 }: Omit<LearnFailure, 'status'>,
  failures: number,
  now: number,
): PendingTurn {
  const unreadable = turn.unreadable + (isOutage(reason) ? 0 : 1)
  const delay = Math.max(retryDelay(isOutage(reason) ? failures : unreadable), retryAfterMs)
  return {
    ...turn,
    attempts: turn.attempts + 1,
    unreadable,
    error: reason,
    detail: detail.slice(0, MAX_DETAIL).toWellFormed(),
    not_before: unreadable >= UNREADABLE_LIMIT ? null : now + Math.min(MAX_WAIT_MS, delay),
  }
}

/** Milliseconds before the next attempt: exponential, with 10 % jitter. */
function retryDelay(failures: number): number {
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1))
  return Math.round(delay * (0.9 + 0.1 * Math.random()))
}

/** Stores rescheduled turns, so that a restart keeps their state. Returns those that are no longer pending. */
export async function recordFailure(
  engine: MemoryEngine,
  records: RecordStore,
  scope: string,
  turns: readonly PendingTurn[],
): Promise<PendingTurn[]> {
  return await engine.change(scope, async (unit) => {
    const gone: PendingTurn[] = []
    for (const turn of turns) {
      const pending = await getPending(records, scope, turn.turn_id)
      if (!pending) gone.push(turn)
      // A newer revision has not been tried.
      if (pending?.revision !== turn.revision) continue
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

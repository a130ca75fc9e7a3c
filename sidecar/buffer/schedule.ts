import type { PendingTurn } from '../memory/pending.ts'
import { isOutage, MAX_WAIT_MS } from './retry.ts'
import type { BufferSettings, FlushReason } from './settings.ts'

/** When a scope is flushed by itself, why, and which of its turns. */
export interface Plan {
  /** Epoch milliseconds; may be past. */
  at: number
  reason: FlushReason
  accept: (turn: PendingTurn) => boolean
}

/** How long what an earlier process left waits for the start to be over, milliseconds. */
const START_DELAY_MS = 500

/**
 * The next flush of a scope's turns, or `null` when none is to come.
 *
 * While the endpoint is in trouble the whole scope waits for it, new turns too: it is not asked more often because
 * more is said, and the turns of a conversation stay in order. A turn that the model does not understand waits alone.
 * @param startedAt when the turns were taken over from an earlier process, while that is why they wait
 */
export function nextFlush(
  turns: readonly PendingTurn[],
  now: number,
  { flushTokens, idleMs }: Pick<BufferSettings, 'flushTokens' | 'idleMs'>,
  startedAt: number | undefined,
): Plan | null {
  const fresh: PendingTurn[] = []
  const away: PendingTurn[] = []
  const unreadable: PendingTurn[] = []
  for (const turn of turns) {
    if (turn.not_before === null) continue
    if (turn.error === null) fresh.push(turn)
    else (isOutage(turn.error) ? away : unreadable).push(turn)
  }
  const again = (turn: PendingTurn) => isUnreadable(turn) && timeOf(turn, now) <= now
  if (away.length > 0) {
    // The latest: that is what the last attempt said, whichever turns it was made for.
    const at = latest(away, now)
    return { at, reason: 'retry', accept: (turn) => isFresh(turn) || isAway(turn) || again(turn) }
  }
  const plans: Plan[] = []
  if (unreadable.length > 0) plans.push({ at: soonest(unreadable, now), reason: 'retry', accept: again })
  if (fresh.length > 0) plans.push({ ...whenFresh(), accept: isFresh })
  plans.sort((a, b) => a.at - b.at)
  return plans[0] ?? null

  function whenFresh(): { at: number; reason: FlushReason } {
    const tokens = fresh.reduce((sum, turn) => sum + turn.tokens, 0)
    if (startedAt !== undefined) return { at: startedAt + START_DELAY_MS, reason: 'start' }
    if (tokens >= flushTokens) return { at: now, reason: 'tokens' }
    // A turn from the future was accepted before the clock was set back.
    const last = fresh.reduce((latest, { at }) => Math.max(latest, at), 0)
    return { at: Math.min(last, now) + idleMs, reason: 'idle' }
  }
}

function isFresh({ error, not_before }: PendingTurn): boolean {
  return not_before !== null && error === null
}

function isAway({ error, not_before }: PendingTurn): boolean {
  return not_before !== null && error !== null && isOutage(error)
}

function isUnreadable({ error, not_before }: PendingTurn): boolean {
  return not_before !== null && error !== null && !isOutage(error)
}

function latest(turns: readonly PendingTurn[], now: number): number {
  return turns.reduce((time, turn) => Math.max(time, timeOf(turn, now)), 0)
}

function soonest(turns: readonly PendingTurn[], now: number): number {
  return turns.reduce((time, turn) => Math.min(time, timeOf(turn, now)), Number.POSITIVE_INFINITY)
}

/** Nothing waits longer than a day; what seems to, waits by a clock that has been set back. */
function timeOf({ not_before }: PendingTurn, now: number): number {
  const time = not_before ?? 0
  return time - now > MAX_WAIT_MS ? now : time
}

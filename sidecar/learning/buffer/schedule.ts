import type { PendingTurn, Triggers } from '../../memory/model/pending.ts'
import { isOutage, MAX_WAIT_MS } from './retry.ts'
import type { FlushReason } from './settings.ts'
import type { View } from './views.ts'

/** When a scope is flushed by itself, why, and which of its turns. */
export interface Plan {
  /** Epoch milliseconds; may be past. */
  at: number
  reason: FlushReason
  accept: (turn: PendingTurn) => boolean
}

export interface Circumstances {
  /** Epoch milliseconds. */
  now: number
  /** Of turns whose app says nothing else. */
  triggers: Triggers
  /** When the turns were taken over from an earlier process, while that is why they wait. */
  startedAt?: number | undefined
  /** What is known of the window of a conversation. */
  viewOf?: ((conversationId: string) => View | undefined) | undefined
}

/** How long what an earlier process left waits for the start to be over, milliseconds. */
const START_DELAY_MS = 500

/**
 * The next flush of a scope's turns, or `null` when none is to come.
 *
 * While the endpoint is in trouble the whole scope waits for it, new turns too: it is not asked more often because
 * more is said, and the turns of a conversation stay in order. A turn that the model does not understand waits alone.
 * Each app has triggers of its own, for its own turns.
 */
export function nextFlush(turns: readonly PendingTurn[], circumstances: Circumstances): Plan | null {
  const { now, startedAt } = circumstances
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
  if (startedAt !== undefined && fresh.length > 0) {
    plans.push({ at: startedAt + START_DELAY_MS, reason: 'start', accept: isFresh })
  } else {
    for (const [app, own] of Map.groupBy(fresh, appOf)) plans.push(whenFresh(app, own, circumstances))
  }
  plans.sort((a, b) => a.at - b.at)
  return plans[0] ?? null
}

/** When turns of one app that have not been tried are flushed: there are some. */
function whenFresh(
  app: string | null,
  turns: readonly PendingTurn[],
  { now, triggers, viewOf }: Circumstances,
): Plan {
  const last = turns.reduce((newest, turn) => (turn.at >= newest.at ? turn : newest))
  // The rules of the app as they were at its last turn.
  const { flushTokens, flushTurns, idleMs, windowAhead } = { ...triggers, ...last.triggers }
  const accept = (turn: PendingTurn) => isFresh(turn) && appOf(turn) === app
  if (turns.reduce((sum, { tokens }) => sum + tokens, 0) >= flushTokens) {
    return { at: now, reason: 'tokens', accept }
  }
  if (flushTurns > 0 && turns.length >= flushTurns) return { at: now, reason: 'turns', accept }
  if (viewOf && windowAhead > 0) {
    const leaving = new Set(conversationsThatLeave(turns, windowAhead, viewOf))
    if (leaving.size > 0) {
      return {
        at: now,
        reason: 'window',
        accept: (turn) => accept(turn) && leaving.has(turn.conversation_id),
      }
    }
  }
  // A turn from the future was accepted before the clock was set back: it tells nothing of when the last one came, and
  // must not keep those beside it waiting until then.
  const known = turns.filter(({ at }) => at - now <= idleMs)
  if (known.length === 0) return { at: now, reason: 'idle', accept }
  return { at: known.reduce((newest, { at }) => Math.max(newest, at), 0) + idleMs, reason: 'idle', accept }
}

/**
 * Conversations of which a turn that waits is about to leave the window. Turn `t` is last shown to the model at turn
 * `t+N−1`; a block that is built at `t+N` or later should hold what it taught.
 */
function conversationsThatLeave(
  turns: readonly PendingTurn[],
  ahead: number,
  viewOf: (conversationId: string) => View | undefined,
): (string | null)[] {
  const leaving: (string | null)[] = []
  for (const [conversation, own] of Map.groupBy(turns, (turn) => turn.conversation_id)) {
    const view = conversation === null ? undefined : viewOf(conversation)
    if (!view) continue
    const numbers = own.flatMap(({ turn }) => turn ?? [])
    const [first, last] = [Math.min(...numbers), Math.max(...numbers)]
    // The turn that is asked for now, or will be next.
    const asked = Math.max(view.turn, last + 1)
    if (asked + ahead > first + view.windowSize) leaving.push(conversation)
  }
  return leaving
}

function appOf({ app_id }: PendingTurn): string | null {
  return app_id ?? null
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

import type { PendingTurn, Triggers } from '../../memory/model/pending.ts'
import type { ObservedWindow } from './observed-windows.ts'
import { isOutage, MAX_WAIT_MS } from './retry.ts'
import type { FlushTrigger } from './settings.ts'

export interface FlushRequest {
  trigger: FlushTrigger
  /** 1 for a flush that a request waits for, otherwise 0. */
  priority: 0 | 1
  /** Chooses among the turns that are pending when the flush starts. */
  accept: (turn: PendingTurn) => boolean
}

/** The next automatic flush of a scope. */
export interface FlushPlan extends Omit<FlushRequest, 'priority'> {
  /** Epoch milliseconds; may be past. */
  at: number
}

export interface ScheduleContext {
  /** Epoch milliseconds. */
  now: number
  /** Thresholds of turns whose app has no others. */
  triggers: Triggers
  /** When this process loaded turns that an earlier process left, epoch milliseconds. */
  loadedAt: number | undefined
  windowOf: (conversationId: string) => ObservedWindow | undefined
}

/** Delay of the first flush of turns that an earlier process left, milliseconds. */
const START_DELAY_MS = 500

/**
 * Plans the next flush of a scope; `null` if none is needed. During an outage new turns are also delayed to the next
 * retry, so that they cause no extra calls and stay in order. A turn with an unreadable answer is retried alone.
 */
export function nextFlush(turns: readonly PendingTurn[], context: ScheduleContext): FlushPlan | null {
  const { now, loadedAt } = context
  const { outage = [], unreadable = [], fresh = [] } = Object.groupBy(turns, kindOf)
  const isDue = (turn: PendingTurn) => kindOf(turn) === 'unreadable' && retryTime(turn, now) <= now
  if (outage.length > 0) {
    // The latest time comes from the last attempt.
    const at = maxOf(outage.map((turn) => retryTime(turn, now)))
    const accept = (turn: PendingTurn) => ['fresh', 'outage'].includes(kindOf(turn)) || isDue(turn)
    return { at, trigger: 'retry', accept }
  }
  const plans: FlushPlan[] = []
  if (unreadable.length > 0) {
    const at = -maxOf(unreadable.map((turn) => -retryTime(turn, now)))
    plans.push({ at, trigger: 'retry', accept: isDue })
  }
  if (loadedAt !== undefined && fresh.length > 0) {
    const accept = (turn: PendingTurn) => kindOf(turn) === 'fresh'
    plans.push({ at: loadedAt + START_DELAY_MS, trigger: 'start', accept })
  } else {
    for (const [app, own] of Map.groupBy(fresh, ({ app_id }) => app_id ?? null))
      plans.push(planApp(app, own, context))
  }
  return plans.sort((a, b) => a.at - b.at)[0] ?? null
}

/** Plans the flush of the fresh turns of one app, of which there is at least one. */
function planApp(app: string | null, turns: readonly PendingTurn[], context: ScheduleContext): FlushPlan {
  const { now, triggers, windowOf } = context
  const last = turns.reduce((newest, turn) => (turn.at >= newest.at ? turn : newest))
  // The rules of the app as they were at its last turn.
  const { flushTokens, flushTurns, idleMs, windowAhead } = { ...triggers, ...last.triggers }
  const accept = (turn: PendingTurn) => kindOf(turn) === 'fresh' && (turn.app_id ?? null) === app
  if (turns.reduce((sum, { tokens }) => sum + tokens, 0) >= flushTokens) {
    return { at: now, trigger: 'tokens', accept }
  }
  if (flushTurns > 0 && turns.length >= flushTurns) return { at: now, trigger: 'turns', accept }
  if (windowAhead > 0) {
    const leaving = leavingConversations(turns, windowAhead, windowOf)
    const isLeaving = (turn: PendingTurn) => accept(turn) && leaving.has(turn.conversation_id)
    if (leaving.size > 0) return { at: now, trigger: 'window', accept: isLeaving }
  }
  // A turn with a future time was accepted before the clock was set back: its time must not delay the others.
  const times = turns.flatMap(({ at }) => (at - now <= idleMs ? [at] : []))
  return { at: times.length === 0 ? now : maxOf(times) + idleMs, trigger: 'idle', accept }
}

/**
 * Conversations with a pending turn that is about to leave the chat window. Turn `t` is last shown to the model at turn
 * `t+N−1`; a block that is built at `t+N` or later must contain its facts.
 */
function leavingConversations(
  turns: readonly PendingTurn[],
  ahead: number,
  windowOf: ScheduleContext['windowOf'],
): Set<string | null> {
  const leaving = new Set<string | null>()
  for (const [conversation, own] of Map.groupBy(turns, (turn) => turn.conversation_id)) {
    const window = conversation === null ? undefined : windowOf(conversation)
    if (!window) continue
    const numbers = own.flatMap(({ turn }) => turn ?? [])
    // The current turn, or the next one.
    const current = Math.max(window.turn, maxOf(numbers) + 1)
    const first = -maxOf(numbers.map((number) => -number))
    if (current + ahead > first + window.windowSize) leaving.add(conversation)
  }
  return leaving
}

/** `failed`: not retried automatically; `outage`, `unreadable`: the kind of the last failure; `fresh`: not tried. */
function kindOf({ error, not_before }: PendingTurn): 'failed' | 'fresh' | 'outage' | 'unreadable' {
  if (not_before === null) return 'failed'
  if (error === null) return 'fresh'
  return isOutage(error) ? 'outage' : 'unreadable'
}

/** A time beyond the longest delay was computed before the clock was set back. */
function retryTime({ not_before }: PendingTurn, now: number): number {
  const time = not_before ?? 0
  return time - now > MAX_WAIT_MS ? now : time
}

/** Unlike `Math.max(...values)`, has no limit on the number of values. */
function maxOf(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY)
}

import type { MemoryEvent } from '../memory/events.ts'
import type { TurnEvent } from '../memory/learn/types.ts'
import type { PendingTurn } from '../memory/pending.ts'
import { BatchLearner } from './batch-learner.ts'
import type { BufferContext } from './context.ts'
import { ScopeQueue } from './queue.ts'
import { isOutage } from './retry.ts'
import { nextFlush, type Plan } from './schedule.ts'
import type { FlushReason } from './settings.ts'

export interface FlushResult {
  events: MemoryEvent[]
  /** Why turns still wait, if any of those that were tried do. */
  reason: string | null
}

/** Which turns to flush; the reason goes to the log. */
export interface FlushRequest {
  reason: FlushReason
  /** Whether somebody waits for it. */
  isUrgent: boolean
  /** Chooses among the turns that wait when the flush begins. */
  accept: (turn: PendingTurn) => boolean
  /** Ends the flush as soon as this turn is through. */
  until?: string
}

/** Timers longer than this are set again when they fire; those of Node end at 24.8 days. */
const MAX_TIMER_MS = 3_600_000

/** The waiting turns of one scope, with the one timer and the one flush at a time that it has. */
export class ScopeBuffer {
  readonly queue: ScopeQueue
  readonly #key: string
  readonly #context: BufferContext
  readonly #learner: BatchLearner
  readonly #watchers = new Set<(turnId: string, event: MemoryEvent) => void>()
  #startedAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #line: Promise<unknown> = Promise.resolve()
  #inLine = 0

  constructor(key: string, context: BufferContext) {
    this.#key = key
    this.#context = context
    this.queue = new ScopeQueue(context.onSize)
    this.#learner = new BatchLearner(key, this.queue, context)
  }

  put(turn: PendingTurn): void {
    this.queue.put(turn)
    this.#schedule()
  }

  /** Takes over what an earlier process left. */
  takeOver(turns: readonly PendingTurn[]): void {
    for (const turn of turns) this.queue.put(turn)
    this.#startedAt = this.#context.now()
    this.#schedule()
  }

  remove(turns: readonly PendingTurn[]): void {
    for (const turn of turns) this.queue.remove(turn)
    this.#schedule()
  }

  /** Something else than its turns has changed that its next flush depends on. */
  replan(): void {
    this.#schedule()
  }

  isProcessing(turnId: string): boolean {
    return this.#learner.isProcessing(turnId)
  }

  /** When it is tried next by itself, epoch milliseconds; `null` for never. */
  get nextAt(): number | null {
    return this.#plan()?.at ?? null
  }

  /** The flushes of a scope stand in line; this resolves when that of the request has been tried. */
  async flush(request: FlushRequest): Promise<FlushResult> {
    return await this.#queueUp(() => this.#flush(request))
  }

  /** The same for one turn, with the events of this turn whoever learned from it. */
  async flushTurn(turnId: string, request: Omit<FlushRequest, 'until'>): Promise<FlushResult> {
    const events: MemoryEvent[] = []
    const watch = (learned: string, event: MemoryEvent) => void (learned === turnId && events.push(event))
    this.#watchers.add(watch)
    try {
      const { reason } = await this.flush({ ...request, until: turnId })
      const waits = this.queue.all().find((turn) => turn.turn_id === turnId)
      if (!waits) return { events, reason: null }
      return { events: [], reason: waits.error ?? reason ?? 'overtaken' }
    } finally {
      this.#watchers.delete(watch)
    }
  }

  /** Stops the timer; resolves when the flushes in line have ended. */
  async close(): Promise<void> {
    this.#context.timers.clearTimeout(this.#timer)
    await this.#line
  }

  async #queueUp<T>(task: () => Promise<T>): Promise<T> {
    this.#inLine += 1
    const mine = this.#line.then(task)
    this.#line = mine.catch(() => {})
    try {
      return await mine
    } finally {
      this.#inLine -= 1
      this.#schedule()
    }
  }

  async #flush({ reason, isUrgent, accept, until }: FlushRequest): Promise<FlushResult> {
    const result: FlushResult = { events: [], reason: null }
    // What comes later is for the next flush: one that chased a busy user would not end.
    this.#startedAt = undefined
    const chosen = new Set(this.queue.all().flatMap((turn) => (accept(turn) ? [turn.turn_id] : [])))
    const tried = new Set<string>()
    const tell = ({ turnId, event }: TurnEvent) => {
      result.events.push(event)
      for (const watch of this.#watchers) watch(turnId, event)
    }
    while (!(until !== undefined && !this.queue.has(until))) {
      if (this.#context.closing.aborted) return { ...result, reason: 'closing' }
      const batch = this.queue.nextBatch((turn) => chosen.has(turn.turn_id) && !tried.has(versionOf(turn)))
      if (batch.length === 0) break
      for (const turn of batch) tried.add(versionOf(turn))
      const trouble = await this.#learner.learn(batch, reason, isUrgent, tell)
      result.reason ??= trouble
      if (trouble !== null && isOutage(trouble)) break
    }
    return result
  }

  #plan(): Plan | null {
    const { settings, views, now } = this.#context
    return nextFlush(this.queue.all(), {
      now: now(),
      triggers: settings,
      startedAt: this.#startedAt,
      viewOf: (conversationId) => views.of(this.#key, conversationId),
    })
  }

  /** Sets the one timer; while a flush is under way its end does that. */
  #schedule(): void {
    const { timers, closing, now, onEmpty } = this.#context
    timers.clearTimeout(this.#timer)
    this.#timer = undefined
    if (closing.aborted || this.#inLine > 0) return
    if (this.queue.size === 0) onEmpty(this.#key)
    const plan = this.#plan()
    if (!plan) return
    this.#timer = timers.setTimeout(
      () => this.#onTimer(),
      Math.min(MAX_TIMER_MS, Math.max(0, plan.at - now())),
    )
    this.#timer.unref?.()
  }

  #onTimer(): void {
    const plan = this.#plan()
    if (!plan || plan.at > this.#context.now()) {
      this.#schedule()
      return
    }
    this.flush({ reason: plan.reason, isUrgent: false, accept: plan.accept }).catch((error: unknown) => {
      this.#context.log.error('flush failed', { error: String(error) })
    })
  }
}

function versionOf({ turn_id, revision }: PendingTurn): string {
  return `${turn_id}/${revision}`
}

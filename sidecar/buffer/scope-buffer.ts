import type { Log } from '../log.ts'
import type { MemoryEvent } from '../memory/add.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import type { Learner, LearnOutcome } from '../memory/learn/learner.ts'
import type { PendingTurn } from '../memory/pending.ts'
import type { RecordStore } from '../ports/records.ts'
import { parseScopeKey } from '../scope.ts'
import { notePutOff, putOff } from './put-off.ts'
import { ScopeQueue } from './queue.ts'
import { isOutage } from './retry.ts'
import { nextFlush, type Plan } from './schedule.ts'
import type { BufferSettings, FlushReason } from './settings.ts'
import type { Slots } from './slots.ts'

export type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

/** What the buffers of all scopes share. */
export interface BufferContext {
  records: RecordStore
  engine: MemoryEngine
  learner: Learner
  log: Log
  settings: BufferSettings
  slots: Slots
  timers: Timers
  now: () => number
  /** Aborted when no flush may begin any more. */
  closing: AbortSignal
  /** Told of every batch what started it, and what came of it. */
  onFlush: (reason: FlushReason, outcome: string) => void
  /** Told by how many turns the buffers grew. */
  onSize: (change: number) => void
  /** Called when nothing waits and nothing runs. */
  onEmpty: (key: string) => void
}

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
  /** Turns that the model thinks about. */
  readonly #processing = new Set<string>()
  readonly #watchers = new Set<(turnId: string, event: MemoryEvent) => void>()
  #startedAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #line: Promise<unknown> = Promise.resolve()
  #inLine = 0

  constructor(key: string, context: BufferContext) {
    this.#key = key
    this.#context = context
    this.queue = new ScopeQueue(context.onSize)
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

  isProcessing(turnId: string): boolean {
    return this.#processing.has(turnId)
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
    while (!(until !== undefined && !this.queue.has(until))) {
      if (this.#context.closing.aborted) return { ...result, reason: 'closing' }
      const batch = this.queue.nextBatch((turn) => chosen.has(turn.turn_id) && !tried.has(versionOf(turn)))
      if (batch.length === 0) break
      for (const turn of batch) tried.add(versionOf(turn))
      const trouble = await this.#learn(batch, reason, isUrgent, result.events)
      result.reason ??= trouble
      if (trouble !== null && isOutage(trouble)) break
    }
    return result
  }

  /**
   * Learns from a batch, or from its halves where the model makes nothing of the whole: one turn that it does not get
   * along with does not stand in the way of its neighbours.
   * @returns why turns of it wait on, or `null`
   */
  async #learn(
    batch: readonly PendingTurn[],
    reason: FlushReason,
    isUrgent: boolean,
    events: MemoryEvent[],
  ): Promise<string | null> {
    const { log, slots, closing, onFlush } = this.#context
    const outcome = await slots.run(() => this.#ask(batch), isUrgent)
    const turns = batch.length
    if (outcome.status === 'learned') {
      for (const turn of batch) this.queue.remove(turn)
      for (const { turnId, event } of outcome.events) {
        events.push(event)
        for (const watch of this.#watchers) watch(turnId, event)
      }
      log.info('flushed', { reason, turns, events: outcome.events.length })
      onFlush(reason, 'learned')
      return null
    }
    if (closing.aborted) return 'closing'
    if (turns > 1 && !isOutage(outcome.reason)) {
      const middle = Math.ceil(turns / 2)
      const first = await this.#learn(batch.slice(0, middle), reason, isUrgent, events)
      if (first !== null && isOutage(first)) return first
      return (await this.#learn(batch.slice(middle), reason, isUrgent, events)) ?? first
    }
    log.warn('flush put off', { reason, turns, because: outcome.reason, detail: outcome.detail })
    onFlush(reason, outcome.reason)
    await this.#putOff(batch, outcome)
    return outcome.reason
  }

  async #ask(batch: readonly PendingTurn[]): Promise<LearnOutcome> {
    const { learner, log, closing } = this.#context
    const ids = batch.map((turn) => turn.turn_id)
    for (const id of ids) this.#processing.add(id)
    try {
      return await learner.learn(parseScopeKey(this.#key), ids, closing)
    } catch (error) {
      if (closing.aborted) return { status: 'later', reason: 'closing', detail: 'closing' }
      log.error('learning failed', { error: error instanceof Error ? error.stack : String(error) })
      return { status: 'later', reason: 'internal', detail: 'see the log' }
    } finally {
      for (const id of ids) this.#processing.delete(id)
    }
  }

  async #putOff(
    batch: readonly PendingTurn[],
    outcome: Extract<LearnOutcome, { status: 'later' }>,
  ): Promise<void> {
    const { engine, records, log, now } = this.#context
    const away = this.queue.all().filter(({ error }) => error !== null && isOutage(error))
    const inVain = [...batch, ...away].reduce((most, { attempts }) => Math.max(most, attempts), 0) + 1
    const waiting = batch.filter((turn) => this.queue.holds(turn))
    const later = waiting.map((turn) => putOff(turn, outcome, now(), inVain))
    // Here first: should the store be what is broken, the model must not be asked again at once.
    for (const turn of later) this.queue.put(turn)
    try {
      for (const turn of await notePutOff(engine, records, this.#key, later)) this.queue.remove(turn)
    } catch (error) {
      log.warn('flush put off, not noted', { error: String(error) })
    }
  }

  #plan(): Plan | null {
    const { settings, now } = this.#context
    return nextFlush(this.queue.all(), now(), settings, this.#startedAt)
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

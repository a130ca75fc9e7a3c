import type { MemoryEvent } from '../../memory/model/events.ts'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { scrollPending } from '../../memory/repositories/pending.ts'
import { logInvalidRecord } from '../../memory/repositories/record.ts'
import { AppError } from '../../ports/errors.ts'
import type { TurnEvent } from '../learner/types.ts'
import { BatchLearner } from './batch-learner.ts'
import type { BufferContext } from './context.ts'
import { eventsOf } from './effects.ts'
import { isOutage } from './retry.ts'
import { nextFlush, type Plan } from './schedule.ts'
import type { FlushReason } from './settings.ts'
import { WaitingTurns } from './waiting-turns.ts'

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

/** How long what is known of what others took in is good enough for when to flush, milliseconds. */
const FRESH_MS = 1000

/** Pause before a flush that came to nothing for a reason of its own is tried again, milliseconds. */
const PAUSE_MS = 2000

/** The waiting turns of one scope, with the one flush at a time that it has. */
export class ScopeBuffer {
  readonly waiting: WaitingTurns
  readonly #key: string
  readonly #context: BufferContext
  readonly #learner: BatchLearner
  readonly #watchers = new Set<(turnId: string, event: MemoryEvent) => void>()
  #startedAt: number | undefined
  #line: Promise<unknown> = Promise.resolve()
  #inLine = 0
  #reading: Promise<void> = Promise.resolve()
  #readNext: Promise<void> | undefined
  #readAt = Number.NEGATIVE_INFINITY

  constructor(key: string, context: BufferContext) {
    this.#key = key
    this.#context = context
    this.waiting = new WaitingTurns(context.onSize)
    this.#learner = new BatchLearner(key, this.waiting, context)
  }

  put(turn: PendingTurn): void {
    this.waiting.put(turn)
    this.#plans()
  }

  /** Takes over what an earlier process left. */
  takeOver(turns: readonly PendingTurn[]): void {
    for (const turn of turns) this.waiting.put(turn)
    this.#startedAt = this.#context.now()
    this.#plans()
  }

  remove(turns: readonly PendingTurn[]): void {
    for (const turn of turns) this.waiting.remove(turn)
    this.#plans()
  }

  /** Something else than its turns has changed that its next flush depends on. */
  replan(): void {
    this.#plans()
  }

  isProcessing(turnId: string): boolean {
    return this.#learner.isProcessing(turnId)
  }

  /** When it is tried next by itself, epoch milliseconds; `null` for never. */
  get nextAt(): number | null {
    return this.#plan()?.at ?? null
  }

  /** Nothing of it is held in memory any more, if there is nothing to do. */
  settle(): void {
    this.#letGo()
  }

  /** What is known of a store with others is let go of, unless it is just being used: others may have done it all. */
  forget(): void {
    if (!this.#context.shared || this.isBusy) return
    this.waiting.clear()
    this.#readAt = Number.NEGATIVE_INFINITY
    this.#letGo()
  }

  /** Whether a flush is under way or in line. */
  get isBusy(): boolean {
    return this.#inLine > 0
  }

  /** Sees what others have done in the store since. Where there are no others it is known. */
  async refresh(): Promise<void> {
    if (!this.#context.shared) return
    // One more at the most: whoever comes while one waits to begin is served by that one.
    this.#readNext ??= this.#reading.then(() => {
      this.#readNext = undefined
      const mine = this.#read()
      this.#reading = mine.catch(() => {})
      return mine
    })
    await this.#readNext
  }

  /** Flushes what is due. Answers when to come again, epoch milliseconds, or `null` for not by itself. */
  async run(): Promise<number | null> {
    const { now } = this.#context
    await this.refresh()
    const plan = this.#plan()
    let trouble: string | null = null
    if (plan && plan.at <= now()) {
      const request = { reason: plan.reason, isUrgent: false, accept: plan.accept }
      trouble = (await this.flush(request)).reason
    }
    this.#letGo()
    const at = this.nextAt
    return at === null || trouble === null ? at : Math.max(at, now() + (at <= now() ? PAUSE_MS : 0))
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
      const waits = this.waiting.get(turnId)
      if (waits) return { events: [], reason: waits.error ?? reason ?? 'overtaken' }
      const { shared, records } = this.#context
      const isElsewhere = shared !== undefined && events.length === 0
      return { events: isElsewhere ? await eventsOf(records, this.#key, turnId) : events, reason: null }
    } finally {
      this.#watchers.delete(watch)
    }
  }

  /** Resolves when the flushes in line have ended. */
  async close(): Promise<void> {
    await this.#line
  }

  async #queueUp(task: () => Promise<FlushResult>): Promise<FlushResult> {
    this.#inLine += 1
    const mine = this.#line.then(() => this.#alone(task))
    this.#line = mine.catch(() => {})
    try {
      return await mine
    } finally {
      this.#inLine -= 1
      this.#plans()
    }
  }

  /** With the flushes of the scope to itself, and with what others took in. */
  async #alone(task: () => Promise<FlushResult>): Promise<FlushResult> {
    const { shared, log, closing } = this.#context
    if (!shared) return await task()
    if (closing.aborted) return { events: [], reason: 'closing' }
    let began = false
    try {
      return await shared.flushLock.run(this.#key, async () => {
        began = true
        await this.refresh()
        return await task()
      })
    } catch (error) {
      if (began || !(error instanceof AppError)) throw error
      log.info('flush left to others', { because: error.message })
      return { events: [], reason: 'elsewhere' }
    }
  }

  async #read(): Promise<void> {
    const { records, now, log } = this.#context
    const at = now()
    const read = () => Array.fromAsync(scrollPending(records, this.#key, logInvalidRecord(log)))
    await this.waiting.replaceBy(read)
    this.#readAt = at
  }

  async #flush({ reason, isUrgent, accept, until }: FlushRequest): Promise<FlushResult> {
    const result: FlushResult = { events: [], reason: null }
    // What comes later is for the next flush: one that chased a busy user would not end.
    this.#startedAt = undefined
    const chosen = new Set(this.waiting.all().flatMap((turn) => (accept(turn) ? [turn.turn_id] : [])))
    const tried = new Set<string>()
    const tell = ({ turnId, event }: TurnEvent) => {
      result.events.push(event)
      for (const watch of this.#watchers) watch(turnId, event)
    }
    while (!(until !== undefined && !this.waiting.has(until))) {
      const batch = this.waiting.nextBatch((turn) => chosen.has(turn.turn_id) && !tried.has(versionOf(turn)))
      if (batch.length === 0) break
      if (this.#context.closing.aborted) return { ...result, reason: 'closing' }
      for (const turn of batch) tried.add(versionOf(turn))
      const trouble = await this.#learner.learn(batch, reason, isUrgent, tell)
      result.reason ??= trouble
      if (trouble !== null && isOutage(trouble)) break
    }
    return result
  }

  #plan(): Plan | null {
    const { settings, views, now } = this.#context
    return nextFlush(this.waiting.all(), {
      now: now(),
      triggers: settings,
      startedAt: this.#startedAt,
      viewOf: (conversationId) => views.of(this.#key, conversationId),
    })
  }

  /** Wishes for the next flush; while one is under way its end does that. */
  #plans(): void {
    const { closing, log, now, shared } = this.#context
    if (closing.aborted || this.#inLine > 0) return
    if (!shared || now() - this.#readAt < FRESH_MS) {
      this.#wish()
      return
    }
    const told = (error: unknown) => log.warn('pending turns not read', { error: String(error) })
    void this.refresh()
      .catch(told)
      .then(() => this.#wish())
  }

  #wish(): void {
    const { closing, wish } = this.#context
    if (closing.aborted || this.#inLine > 0) return
    this.#letGo()
    const at = this.nextAt
    if (at !== null) wish(this.#key, at)
  }

  #letGo(): void {
    if (this.waiting.size === 0 && this.#inLine === 0) this.#context.onEmpty(this.#key)
  }
}

function versionOf({ turn_id, revision }: PendingTurn): string {
  return `${turn_id}/${revision}`
}

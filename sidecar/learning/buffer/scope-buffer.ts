import PQueue from 'p-queue'
import type { PendingTurn } from '../../memory/model/pending.ts'
import type { MemoryEvent } from '../../memory/model/turns.ts'
import { getMemory } from '../../memory/repositories/memories.ts'
import { scrollPending } from '../../memory/repositories/pending.ts'
import { logInvalidRecord } from '../../memory/repositories/record.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import { getEnded } from '../../memory/repositories/versions.ts'
import { AppError } from '../../ports/errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { TurnEvent } from '../learner/types.ts'
import { BatchLearner } from './batch-learner.ts'
import type { BufferContext } from './context.ts'
import { PendingTurns } from './pending-turns.ts'
import { isOutage } from './retry.ts'
import { type FlushPlan, type FlushRequest, nextFlush } from './schedule.ts'

export interface FlushResult {
  events: MemoryEvent[]
  /** Why a turn of the flush is still pending; `null` if none is. */
  reason: string | null
}

/** A pending turn, and whether the model call for it is in progress. */
export interface BufferedTurn extends PendingTurn {
  processing: boolean
}

type TurnEvents = Pick<FlushResult, 'reason'> & { events: TurnEvent[] }

/** Age up to which the known turns of other sidecars are recent enough to schedule a flush, milliseconds. */
const FRESH_MS = 1000

/** Delay after a failed flush whose turns are due again at once, milliseconds. */
const PAUSE_MS = 2000

/** The pending turns of one scope. Its flushes run one after another. */
export class ScopeBuffer {
  readonly pending = new PendingTurns()
  readonly #key: string
  readonly #context: BufferContext
  readonly #onEmpty: (buffer: ScopeBuffer) => void
  readonly #learner: BatchLearner
  readonly #flushes = new PQueue({ concurrency: 1 })
  #loadedAt: number | undefined
  #lastRead: Promise<void> = Promise.resolve()
  #nextRead: Promise<void> | undefined
  #readAt = Number.NEGATIVE_INFINITY

  /** @param onEmpty called when nothing is pending and nothing runs */
  constructor(key: string, context: BufferContext, onEmpty: (buffer: ScopeBuffer) => void) {
    this.#key = key
    this.#context = context
    this.#onEmpty = onEmpty
    this.#learner = new BatchLearner(key, this.pending, context)
  }

  put(turn: PendingTurn): void {
    this.pending.put(turn)
    this.scheduleFlush()
  }

  /** Adds turns that an earlier process left. */
  load(turns: readonly PendingTurn[]): void {
    for (const turn of turns) this.pending.put(turn)
    this.#loadedAt = this.#context.now()
    this.scheduleFlush()
  }

  /** Oldest first. */
  list(conversationId?: string): BufferedTurn[] {
    return this.pending.list(conversationId).map((turn) => this.#toBuffered(turn))
  }

  find(turnId: string): BufferedTurn | undefined {
    const turn = this.pending.get(turnId)
    return turn && this.#toBuffered(turn)
  }

  #toBuffered(turn: PendingTurn): BufferedTurn {
    return { ...turn, processing: this.#learner.processing.has(turn.turn_id) }
  }

  /** Time of the next automatic flush, epoch milliseconds; `null` for none. */
  get nextAt(): number | null {
    return this.#plan()?.at ?? null
  }

  /** Whether a flush is due or runs. */
  get isFlushing(): boolean {
    const { nextAt } = this
    return this.#isBusy || (nextAt !== null && nextAt <= this.#context.now())
  }

  /** Flushes turns that wait after an outage. Returns whether there are any. */
  resume(): boolean {
    const plan = this.#plan()
    const isDelayed =
      plan?.trigger === 'retry' && this.pending.all().some(({ error }) => error && isOutage(error))
    if (!isDelayed || this.#isBusy) return false
    const { log } = this.#context
    this.flush({ ...plan, priority: 0 }).catch((error: unknown) =>
      log.warn('pending turns not resumed', { error: String(error) }),
    )
    return true
  }

  get #isBusy(): boolean {
    return this.#flushes.size + this.#flushes.pending > 0
  }

  /** Drops the turns from memory unless a flush runs: other sidecars may have extracted them. */
  evict(): void {
    if (this.#isBusy) return
    this.pending.clear()
    this.#readAt = Number.NEGATIVE_INFINITY
    this.#releaseIfEmpty()
  }

  /** Reads the changes of other sidecars. */
  async refresh(): Promise<void> {
    if (this.#context.shared) await this.reload()
  }

  /** Reads the pending turns from the store. Calls during a read share the next one. */
  async reload(): Promise<void> {
    this.#nextRead ??= this.#lastRead.then(() => {
      this.#nextRead = undefined
      const read = this.#read()
      this.#lastRead = read.catch(() => {})
      return read
    })
    await this.#nextRead
  }

  async #read(): Promise<void> {
    const { records, now, log } = this.#context
    const at = now()
    const turns = () => Array.fromAsync(scrollPending(records, this.#key, logInvalidRecord(log)))
    await this.pending.replaceBy(turns)
    this.#readAt = at
    this.#releaseIfEmpty()
  }

  /** Flushes what is due. Returns the time of the next run, epoch milliseconds, or `null` for none. */
  async run(): Promise<number | null> {
    const { now } = this.#context
    await this.refresh()
    const plan = this.#plan()
    const isDue = plan !== null && plan.at <= now()
    const reason = isDue ? (await this.flush({ ...plan, priority: 0 })).reason : null
    this.#releaseIfEmpty()
    const { nextAt } = this
    return nextAt === null || reason === null ? nextAt : Math.max(nextAt, now() + PAUSE_MS)
  }

  /** Resolves when each accepted turn has been tried once. */
  async flush(request: FlushRequest): Promise<FlushResult> {
    const { events, reason } = await this.#enqueue(request)
    return { events: events.map(({ event }) => event), reason }
  }

  /** As `flush`, with the events of one turn, also if another flush or sidecar extracts it. */
  async flushTurn(turnId: string, request: FlushRequest): Promise<FlushResult> {
    const { events, reason } = await this.#enqueue(request)
    const pending = this.pending.get(turnId)
    if (pending) return { events: [], reason: pending.error ?? reason ?? 'overtaken' }
    const own = events.flatMap((one) => (one.turnId === turnId ? [one.event] : []))
    const { records } = this.#context
    return { events: own.length > 0 ? own : await storedEvents(records, this.#key, turnId), reason: null }
  }

  /** Resolves when the running and queued flushes have ended. */
  async close(): Promise<void> {
    await this.#flushes.onIdle()
  }

  async #enqueue(request: FlushRequest): Promise<TurnEvents> {
    try {
      return await this.#flushes.add(() => this.#flushLocked(request))
    } finally {
      this.scheduleFlush()
    }
  }

  /** Flushes under the lock that sidecars share, with the turns that they added. */
  async #flushLocked(request: FlushRequest): Promise<TurnEvents> {
    const { shared, log, closing } = this.#context
    if (!shared) return await this.#flush(request)
    if (closing.aborted) return { events: [], reason: 'closing' }
    let isLocked = false
    try {
      return await shared.flushLock.run(this.#key, async () => {
        isLocked = true
        await this.refresh()
        return await this.#flush(request)
      })
    } catch (error) {
      if (isLocked || !(error instanceof AppError)) throw error
      log.info('flush skipped, lock unavailable', { error: error.message })
      return { events: [], reason: 'elsewhere' }
    }
  }

  async #flush(request: FlushRequest): Promise<TurnEvents> {
    const result: TurnEvents = { events: [], reason: null }
    this.#loadedAt = undefined
    // Turns that are added later wait for the next flush: with a busy user, this one would not end.
    const chosen = new Set(this.pending.all().flatMap((turn) => (request.accept(turn) ? [turn.turn_id] : [])))
    const tried = new Set<string>()
    for (;;) {
      const batch = this.pending.nextBatch((turn) => chosen.has(turn.turn_id) && !tried.has(versionOf(turn)))
      if (batch.length === 0) return result
      if (this.#context.closing.aborted) return { ...result, reason: 'closing' }
      for (const turn of batch) tried.add(versionOf(turn))
      const reason = await this.#learner.learn(batch, request, result.events)
      result.reason ??= reason
      if (reason !== null && isOutage(reason)) return result
    }
  }

  #plan(): FlushPlan | null {
    const { settings, windows, now } = this.#context
    return nextFlush(this.pending.all(), {
      now: now(),
      triggers: settings,
      loadedAt: this.#loadedAt,
      windowOf: (conversationId) => windows.get(this.#key, conversationId),
    })
  }

  /** Schedules the next automatic flush. During a flush, its end does that. */
  scheduleFlush(): void {
    const { closing, log, now, shared, scheduleFlush } = this.#context
    const schedule = () => {
      if (closing.aborted || this.#isBusy) return
      this.#releaseIfEmpty()
      const { nextAt } = this
      if (nextAt !== null) scheduleFlush(this.#key, nextAt)
    }
    if (!shared || now() - this.#readAt < FRESH_MS) {
      schedule()
    } else if (!closing.aborted && !this.#isBusy) {
      const onError = (error: unknown) => log.warn('pending turns not read', { error: String(error) })
      void this.refresh().catch(onError).then(schedule)
    }
  }

  #releaseIfEmpty(): void {
    if (this.pending.size === 0 && !this.#isBusy) this.#onEmpty(this)
  }
}

function versionOf({ turn_id, revision }: PendingTurn): string {
  return `${turn_id}/${revision}`
}

/** The events of a turn that another flush extracted, as they are stored. */
async function storedEvents(records: RecordStore, scope: string, turnId: string): Promise<MemoryEvent[]> {
  const turn = await getTurn(records, scope, turnId)
  const events: MemoryEvent[] = []
  for (const { event, memory_id } of turn?.effects ?? []) {
    const held = (await getMemory(records, scope, memory_id)) ?? (await getEnded(records, scope, memory_id))
    if (held) events.push({ event, id: memory_id, memory: held.memory.text })
  }
  return events
}

import PQueue from 'p-queue'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { type Turn, tokensOf, turnRecordId } from '../../memory/model/turns.ts'
import { migrateLegacyPending, pendingScopes, scrollPending } from '../../memory/repositories/pending.ts'
import { logInvalidRecord } from '../../memory/repositories/record.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import type { Queue } from '../../ports/queue.ts'
import { type AddOptions, type AddRequest, type AddResult, addTurn } from '../intake/add-turn.ts'
import { admissionLimits } from './admission-limits.ts'
import type { BufferContext, Shared } from './context.ts'
import type { ObservedWindow } from './observed-windows.ts'
import { type PendingTotals, StoredTotals, sumOf } from './pending-totals.ts'
import { resumeNamespace } from './resume.ts'
import type { FlushRequest } from './schedule.ts'
import { type BufferedTurn, type FlushResult, ScopeBuffer } from './scope-buffer.ts'
import { type BufferSettings, DEFAULT_BUFFER, type FlushTrigger } from './settings.ts'

export interface BufferOptions
  extends Pick<BufferContext, 'records' | 'engine' | 'learner' | 'windows' | 'log'> {
  /** Wakes scopes for their flushes. Lost entries are scheduled again from the records. */
  queue: Queue
  /** Absent where this process is the only one on the store. */
  shared?: Shared | undefined
  countTokens: (text: string) => number
  settings?: Partial<BufferSettings> | undefined
  onFlush?: BufferContext['onFlush']
  /** Epoch milliseconds. */
  now?: () => number
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

/** Delay after which flushes are scheduled again while the queue is unavailable, milliseconds. */
const QUEUE_RETRY_MS = 2000

/** Time that running flushes get when the buffer closes, milliseconds. */
const DRAIN_MS = 5000

/** Delay of a scope that becomes due while this process closes, milliseconds; another process may flush it then. */
const CLOSING_MS = 1000

const DEFAULT_RECONCILE_MS = 60_000

const NO_RESULT: FlushResult = { events: [], reason: null }

/**
 * Turns between acceptance and extraction, which is retried after failures and restarts until it succeeds or the turn
 * has failed for good. A failed turn stays stored, is listed, and can be replayed.
 */
export class BufferZone {
  readonly #options: BufferOptions
  readonly #timers: NonNullable<BufferOptions['timers']>
  readonly #scopes = new Map<string, ScopeBuffer>()
  readonly #closing = new AbortController()
  readonly #cancelled = new AbortController()
  #closed: Promise<void> | undefined
  readonly #context: BufferContext
  #queueRetry: NodeJS.Timeout | undefined
  #reconciliation: NodeJS.Timeout | undefined
  /** Absent where this process is the only one: the pending turns in memory are complete then. */
  readonly #stored: StoredTotals | undefined
  readonly #admit: ReturnType<typeof admissionLimits>

  constructor(options: BufferOptions) {
    const { records, shared, now = Date.now, timers = globalThis, onFlush = () => {} } = options
    const settings = { ...DEFAULT_BUFFER, ...options.settings }
    this.#options = options
    this.#timers = timers
    this.#stored = shared && new StoredTotals(records, now)
    this.#context = {
      ...options,
      settings,
      batches: new PQueue({ concurrency: settings.concurrency }),
      shared,
      scheduleFlush: (key, at) => this.#scheduleFlush(key, at),
      now,
      closing: this.#closing.signal,
      cancelled: this.#cancelled.signal,
      onFlush,
    }
    this.#admit = admissionLimits({
      limits: settings,
      bufferOf: (key) => this.#scopes.get(key),
      countPending: () => Math.max(this.size.turns, this.#stored?.lastTurns ?? 0),
      now,
    })
    options.queue.work((key) => this.#run(key))
  }

  /** Loads the turns that an earlier process left, and schedules their flushes. */
  async start(): Promise<void> {
    const { records, shared, log } = this.#options
    const onInvalid = logInvalidRecord(log)
    await migrateLegacyPending(records, onInvalid)
    if (shared) return await this.#reconcile()
    for await (const key of pendingScopes(records)) {
      this.#scope(key).load(await Array.fromAsync(scrollPending(records, key, onInvalid)))
    }
  }

  /**
   * Stores a turn; it is durable when this resolves, and pending unless its extraction is done already.
   * @throws {AppError} `too_many_pending` when a limit is reached; nothing is stored then
   */
  async accept(
    scope: Scope,
    request: AddRequest,
    options: Pick<AddOptions, 'expiresAt' | 'triggers'>,
  ): Promise<AddResult> {
    const { engine, countTokens, windows } = this.#options
    const key = scopeKey(scope)
    const { conversationId, turn } = request
    const id = conversationId !== undefined && turn !== undefined && turnRecordId(conversationId, turn)
    const release = this.#admit(key, id !== false && this.find(scope, id) !== undefined)
    // Other sidecars add pending turns too.
    this.#stored?.renew()
    try {
      const result = await addTurn(engine, scope, request, {
        ...options,
        learn: true,
        countTokens: (messages) => tokensOf(messages, countTokens),
      })
      if (!result.pending) return result
      this.#scope(key).put(result.pending)
      // Another sidecar may have served the recall of this conversation.
      if (conversationId !== undefined) {
        const loaded = windows.load(key, conversationId)
        void loaded.then((isFound) => isFound && this.#scopes.get(key)?.scheduleFlush())
      }
      return result
    } finally {
      release()
    }
  }

  /** Extracts from the pending turns now, including failed ones. Resolves after one attempt. */
  async flush(scope: Scope, conversationId?: string): Promise<FlushResult> {
    const accept = (turn: PendingTurn) =>
      conversationId === undefined || turn.conversation_id === conversationId
    return await this.#flushNow(scope, 'explicit', accept)
  }

  /** Extracts from the pending turns of an ended conversation, except failed ones. */
  async endConversation(scope: Scope, conversationId: string): Promise<FlushResult> {
    const accept = (turn: PendingTurn) => turn.conversation_id === conversationId && turn.not_before !== null
    return await this.#flushNow(scope, 'end', accept)
  }

  /** Retries the failed turns of a user, all or one. */
  async replay(scope: Scope, turnId?: string): Promise<FlushResult> {
    const accept = (turn: PendingTurn) =>
      turn.not_before === null && (turnId === undefined || turn.turn_id === turnId)
    return await this.#flushNow(scope, 'replay', accept)
  }

  /** Extracts from one turn, together with the pending turns of its conversation. Returns its own events. */
  async flushTurn(
    scope: Scope,
    { turn_id, conversation_id }: Pick<PendingTurn, 'turn_id' | 'conversation_id'>,
  ): Promise<FlushResult> {
    const buffer = this.#known(scopeKey(scope))
    // Another flush may have extracted the turn before this one starts.
    const accept = (turn: PendingTurn) =>
      buffer?.pending.get(turn_id) !== undefined &&
      (turn.turn_id === turn_id ||
        (turn.conversation_id === conversation_id && conversation_id !== null && turn.not_before !== null))
    return (await buffer?.flushTurn(turn_id, { trigger: 'sync', priority: 1, accept })) ?? NO_RESULT
  }

  /** Records the chat window of a recall, so that turns are extracted before they leave it. */
  observeWindow(scope: Scope, conversationId: string, window: ObservedWindow): void {
    const key = scopeKey(scope)
    this.#options.windows.set(key, conversationId, window)
    this.#scopes.get(key)?.scheduleFlush()
  }

  /** See `resumeNamespace`. */
  resume(scope: Scope): boolean {
    return resumeNamespace(this.#scopes, scope)
  }

  /** Reads the changes of other sidecars, before an answer that must contain them. */
  async refresh(scope: Scope): Promise<void> {
    await this.#known(scopeKey(scope))?.refresh()
  }

  /** Drops turns that are no longer pending in the store: of the whole scope, or one turn. */
  async reload(scope: Scope, turnId?: string): Promise<void> {
    const buffer = this.#scopes.get(scopeKey(scope))
    if (turnId === undefined || buffer?.pending.get(turnId)) await buffer?.reload()
  }

  /** The pending turns of a scope, oldest first. */
  list(scope: Scope, conversationId?: string): BufferedTurn[] {
    return this.#scopes.get(scopeKey(scope))?.list(conversationId) ?? []
  }

  count(scope: Scope, conversationId?: string): { turns: number; tokens: number } {
    const { turns, tokens } = sumOf(this.#scopes.get(scopeKey(scope))?.pending.of(conversationId) ?? [])
    return { turns, tokens }
  }

  /** A pending turn; `undefined` for any other. */
  find(scope: Scope, turnId: string): BufferedTurn | undefined {
    return this.#scopes.get(scopeKey(scope))?.find(turnId)
  }

  /** The stored turn of a pending one; `undefined` for any other. */
  async readTurn(scope: Scope, turnId: string): Promise<Turn | undefined> {
    await this.refresh(scope)
    if (!this.find(scope, turnId)) return undefined
    const turn = await getTurn(this.#options.records, scopeKey(scope), turnId)
    return turn?.state === 'done' ? undefined : turn
  }

  /** What is held in memory: scopes with pending turns or a running flush, and pending turns. */
  get size(): { scopes: number; turns: number } {
    const turns = this.#scopes.values().reduce((sum, { pending }) => sum + pending.size, 0)
    return { scopes: this.#scopes.size, turns }
  }

  async totals(): Promise<PendingTotals> {
    if (this.#stored) return await this.#stored.read()
    return sumOf(this.#scopes.values().flatMap(({ pending }) => pending.all()))
  }

  /** Starts no further flush, waits for running ones, then cancels them; their turns stay pending. */
  async close({ drainMs = DRAIN_MS }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs)
    await this.#closed
  }

  async #close(drainMs: number): Promise<void> {
    this.#closing.abort(new Error('closing'))
    this.#timers.clearTimeout(this.#queueRetry)
    this.#timers.clearTimeout(this.#reconciliation)
    const cancel = () => this.#cancelled.abort(new Error('closing'))
    if (drainMs === 0) cancel()
    const timer = this.#timers.setTimeout(cancel, drainMs)
    await Promise.all([...this.#scopes.values()].map((buffer) => buffer.close()))
    this.#timers.clearTimeout(timer)
  }

  async #flushNow(scope: Scope, trigger: FlushTrigger, accept: FlushRequest['accept']): Promise<FlushResult> {
    return (await this.#known(scopeKey(scope))?.flush({ trigger, accept, priority: 1 })) ?? NO_RESULT
  }

  /** Runs a due scope. Returns the time of its next run, epoch milliseconds. */
  async #run(key: string): Promise<number | null> {
    const at = this.#closing.signal.aborted ? null : ((await this.#known(key)?.run()) ?? null)
    return this.#closing.signal.aborted ? this.#context.now() + CLOSING_MS : at
  }

  #scheduleFlush(key: string, at: number): void {
    this.#options.queue.schedule(key, at).catch((error: unknown) => {
      if (this.#closing.signal.aborted || this.#queueRetry) return
      this.#options.log.warn('queue unavailable', { error: String(error) })
      this.#queueRetry = this.#later(QUEUE_RETRY_MS, () => {
        this.#queueRetry = undefined
        for (const buffer of this.#scopes.values()) buffer.scheduleFlush()
      })
    })
  }

  /** Schedules a flush for every scope with pending turns: the queue may have lost entries. */
  async #reconcile(): Promise<void> {
    const { records, shared, log } = this.#options
    try {
      for (const buffer of this.#scopes.values()) buffer.evict()
      for await (const key of pendingScopes(records)) {
        if (this.#closing.signal.aborted) return
        this.#scheduleFlush(key, this.#context.now() + this.#context.settings.idleMs)
      }
    } catch (error) {
      log.warn('pending turns not listed, will be retried', { error: String(error) })
    }
    // With jitter, so that sidecars do not scan at the same time.
    const ms = (shared?.reconcileMs ?? DEFAULT_RECONCILE_MS) * (0.75 + Math.random() / 2)
    this.#reconciliation = this.#later(ms, () => void this.#reconcile())
  }

  #later(ms: number, task: () => void): NodeJS.Timeout | undefined {
    if (this.#closing.signal.aborted) return undefined
    const timer = this.#timers.setTimeout(task, ms)
    timer.unref?.()
    return timer
  }

  /** Where sidecars share the store, any scope may have pending turns. */
  #known(key: string): ScopeBuffer | undefined {
    return this.#options.shared ? this.#scope(key) : this.#scopes.get(key)
  }

  #scope(key: string): ScopeBuffer {
    const release = (one: ScopeBuffer) => this.#scopes.get(key) === one && this.#scopes.delete(key)
    const buffer = this.#scopes.get(key) ?? new ScopeBuffer(key, this.#context, release)
    this.#scopes.set(key, buffer)
    return buffer
  }
}

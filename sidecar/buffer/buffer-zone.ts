import type { Log } from '../log.ts'
import type { AddRequest, AddResult, MemoryEvent } from '../memory/add.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import type { Learner, LearnOutcome } from '../memory/learn/learner.ts'
import { PENDING_SCOPE, type PendingTurn, pendingRecordId, putPending } from '../memory/pending.ts'
import { type Message, putTurn, readTurn } from '../memory/turns.ts'
import { type RecordStore, scrollAll } from '../ports/records.ts'
import { parseScopeKey, type Scope, scopeKey } from '../scope.ts'
import { ScopeQueue } from './queue.ts'
import { isOutage, retryDelay, UNREADABLE_LIMIT } from './retry.ts'

export interface BufferSettings {
  /** Tokens of a scope that start a flush. */
  flushTokens: number
  /** Milliseconds without a new turn that start a flush. */
  idleMs: number
  /** Scopes that are flushed at once. */
  concurrency: number
}

export const DEFAULT_BUFFER: BufferSettings = { flushTokens: 1024, idleMs: 60_000, concurrency: 4 }

export type FlushReason = 'tokens' | 'idle' | 'retry' | 'explicit' | 'sync' | 'start'

export interface BufferOptions {
  records: RecordStore
  engine: MemoryEngine
  learner: Learner
  countTokens: (text: string) => number
  log: Log
  settings?: Partial<BufferSettings> | undefined
  /** Epoch milliseconds. */
  now?: () => number
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

export interface FlushResult {
  events: MemoryEvent[]
  /** Why turns still wait, if any do. */
  reason: string | null
}

interface ScopeState {
  queue: ScopeQueue
  timer: NodeJS.Timeout | undefined
  /** Flushes of one scope stand in line. */
  line: Promise<unknown>
}

/**
 * Turns between being accepted and being learned from. A turn is durable, and its words can be recalled, before it is
 * acknowledged; what happens here afterwards needs no caller, survives a crash, and is tried until it works or until
 * the turn is set aside as failed, where it stays, is listed, and can be replayed.
 */
export class BufferZone {
  readonly #options: BufferOptions
  readonly #settings: BufferSettings
  readonly #now: () => number
  readonly #timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  readonly #scopes = new Map<string, ScopeState>()
  readonly #closing = new AbortController()
  readonly #waitingForSlot: (() => void)[] = []
  #slots: number

  constructor(options: BufferOptions) {
    this.#options = options
    this.#settings = { ...DEFAULT_BUFFER, ...options.settings }
    this.#now = options.now ?? Date.now
    this.#timers = options.timers ?? globalThis
    this.#slots = this.#settings.concurrency
  }

  /** Takes up what an earlier process left. */
  async start(): Promise<number> {
    let found = 0
    for await (const { payload } of scrollAll(this.#options.records, 'pending', PENDING_SCOPE)) {
      const turn = payload as unknown as PendingTurn
      this.#state(turn.scope).queue.put(turn)
      found += 1
    }
    for (const [key, state] of this.#scopes) this.#schedule(key, state)
    return found
  }

  /** Accepts a turn; when this resolves, it is durable. */
  async accept(scope: Scope, request: AddRequest, expiresAt: number | null): Promise<AddResult> {
    const { engine, countTokens } = this.#options
    const result = await engine.add(scope, request, {
      learn: true,
      expiresAt,
      countTokens: (messages: readonly Message[]) =>
        messages.reduce((sum, { content }) => sum + countTokens(content), 0),
    })
    if (result.pending) {
      const key = scopeKey(scope)
      const state = this.#state(key)
      state.queue.put(result.pending)
      this.#schedule(key, state)
    }
    return result
  }

  /**
   * Learns now from what waits, also from what has failed. Resolves when that has been tried once.
   * @param turnId only the batch that this turn is in
   */
  async flush(
    scope: Scope,
    options: { conversationId?: string | undefined; turnId?: string; reason?: FlushReason } = {},
  ): Promise<FlushResult> {
    const key = scopeKey(scope)
    const state = this.#scopes.get(key)
    if (!state) return { events: [], reason: null }
    const { conversationId, turnId, reason = 'explicit' } = options
    return await this.#inLine(key, state, async () => {
      const events: MemoryEvent[] = []
      const tried = new Set<string>()
      for (;;) {
        if (turnId !== undefined && !state.queue.has(turnId)) return { events, reason: null }
        const batch = state.queue.nextBatch(this.#now(), { force: true, conversationId })
        if (batch.length === 0) return { events, reason: null }
        if (batch.some((turn) => tried.has(`${turn.turn_id}/${turn.revision}`))) {
          return { events, reason: batch[0]?.error ?? null }
        }
        for (const turn of batch) tried.add(`${turn.turn_id}/${turn.revision}`)
        const outcome = await this.#learn(key, state, batch, reason)
        if (outcome.status === 'learned') events.push(...outcome.events)
        else if (isOutage(outcome.reason)) return { events, reason: outcome.reason }
      }
    })
  }

  /** The turns of a scope that wait, oldest first, and their tokens. */
  waiting(scope: Scope, conversationId?: string): { turns: PendingTurn[]; tokens: number } {
    const turns = this.#scopes.get(scopeKey(scope))?.queue.list(conversationId) ?? []
    return { turns, tokens: turns.reduce((sum, turn) => sum + turn.tokens, 0) }
  }

  /** What is waited for is gone: the user has been forgotten. */
  drop(scope: Scope): void {
    this.#scopes.get(scopeKey(scope))?.queue.clear()
  }

  /** Stops: no flush begins, and those under way are given up. Their turns wait for the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closing'))
    for (const { timer } of this.#scopes.values()) this.#timers.clearTimeout(timer)
    for (const go of this.#waitingForSlot.splice(0)) go()
    await Promise.allSettled([...this.#scopes.values()].map(({ line }) => line))
  }

  #state(key: string): ScopeState {
    const state = this.#scopes.get(key) ?? {
      queue: new ScopeQueue(),
      timer: undefined,
      line: Promise.resolve(),
    }
    this.#scopes.set(key, state)
    return state
  }

  /** Sets the one timer of a scope: at once for a full buffer, after the idle time otherwise, later after a failure. */
  #schedule(key: string, state: ScopeState): void {
    this.#timers.clearTimeout(state.timer)
    state.timer = undefined
    const { dueAt } = state.queue
    if (dueAt === null) {
      if (state.queue.size === 0) this.#scopes.delete(key)
      return
    }
    if (this.#closing.signal.aborted) return
    const full = state.queue.tokens >= this.#settings.flushTokens
    const isRetry = dueAt > this.#now()
    const delay = isRetry ? dueAt - this.#now() : full ? 0 : this.#settings.idleMs
    const reason: FlushReason = isRetry ? 'retry' : full ? 'tokens' : 'idle'
    // What goes wrong has been logged, and the turns wait on.
    state.timer = this.#timers.setTimeout(() => void this.#run(key, state, reason).catch(() => {}), delay)
    state.timer.unref?.()
  }

  async #run(key: string, state: ScopeState, reason: FlushReason): Promise<void> {
    await this.#inLine(key, state, async () => {
      for (;;) {
        const batch = state.queue.nextBatch(this.#now())
        if (batch.length === 0 || this.#closing.signal.aborted) return
        const outcome = await this.#learn(key, state, batch, reason)
        if (outcome.status === 'later' && isOutage(outcome.reason)) return
      }
    })
  }

  /** One flush of a scope at a time, and a bounded number of scopes. */
  async #inLine<T>(key: string, state: ScopeState, task: () => Promise<T>): Promise<T> {
    const mine = state.line.then(async () => {
      await this.#slot()
      try {
        return await task()
      } finally {
        this.#slots += 1
        this.#waitingForSlot.shift()?.()
      }
    })
    state.line = mine.catch(() => {})
    try {
      return await mine
    } catch (error) {
      this.#options.log.error('flush failed', { error: String(error) })
      throw error
    } finally {
      this.#schedule(key, state)
    }
  }

  async #slot(): Promise<void> {
    while (this.#slots <= 0 && !this.#closing.signal.aborted) {
      await new Promise<void>((resolve) => this.#waitingForSlot.push(resolve))
    }
    this.#slots -= 1
  }

  async #learn(
    key: string,
    state: ScopeState,
    batch: readonly PendingTurn[],
    reason: FlushReason,
  ): Promise<LearnOutcome> {
    const outcome = await this.#tryToLearn(key, batch)
    const turns = batch.length
    if (outcome.status === 'learned') {
      for (const turn of batch) state.queue.remove(turn)
      this.#options.log.info('flushed', { reason, turns, events: outcome.events.length })
    } else if (!this.#closing.signal.aborted) {
      this.#options.log.warn('flush put off', {
        reason,
        turns,
        because: outcome.reason,
        detail: outcome.detail,
      })
      await this.#putOff(key, state, batch, outcome)
    }
    return outcome
  }

  async #tryToLearn(key: string, batch: readonly PendingTurn[]): Promise<LearnOutcome> {
    const ids = batch.map((turn) => turn.turn_id)
    try {
      return await this.#options.learner.learn(parseScopeKey(key), ids, this.#closing.signal)
    } catch (error) {
      if (this.#closing.signal.aborted) return { status: 'later', reason: 'internal', detail: 'closing' }
      this.#options.log.error('learning failed', {
        error: error instanceof Error ? error.stack : String(error),
      })
      return { status: 'later', reason: 'internal', detail: 'see the log' }
    }
  }

  /** Notes why turns wait on, durably, unless they have been replaced or forgotten meanwhile. */
  async #putOff(
    key: string,
    state: ScopeState,
    batch: readonly PendingTurn[],
    { reason, retryAfterMs }: Extract<LearnOutcome, { status: 'later' }>,
  ): Promise<void> {
    const { engine, records } = this.#options
    await engine.change(key, async (unit) => {
      for (const turn of batch) {
        const record = await records.get('pending', PENDING_SCOPE, pendingRecordId(key, turn.turn_id))
        const stored = await readTurn(records, key, turn.turn_id)
        if (!record || !stored || stored.revision !== turn.revision) {
          state.queue.remove(turn)
          continue
        }
        const unreadable = turn.unreadable + (isOutage(reason) ? 0 : 1)
        const failed = unreadable >= UNREADABLE_LIMIT
        const attempts = turn.attempts + 1
        const later: PendingTurn = {
          ...turn,
          attempts,
          unreadable,
          error: reason,
          not_before: failed ? null : this.#now() + Math.max(retryDelay(attempts), retryAfterMs ?? 0),
        }
        unit.also(putPending(later))
        if (failed !== (stored.state === 'failed')) {
          unit.also(putTurn(key, { ...stored, state: failed ? 'failed' : 'pending' }))
        }
        state.queue.put(later)
      }
    })
  }
}

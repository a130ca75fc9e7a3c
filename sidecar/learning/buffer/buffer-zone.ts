import PQueue from 'p-queue'
import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { type Turn, tokensOf, turnRecordId } from '../../memory/model/turns.ts'
import {
  getPending,
  migrateLegacyPending,
  pendingScopes,
  scrollPending,
} from '../../memory/repositories/pending.ts'
import { logInvalidRecord } from '../../memory/repositories/record.ts'
import { getTurn } from '../../memory/repositories/turns.ts'
import type { Log } from '../../ports/log.ts'
import type { Queue } from '../../ports/queue.ts'
import type { RecordStore } from '../../ports/records.ts'
import { type AddOptions, type AddRequest, type AddResult, addTurn } from '../intake/add-turn.ts'
import type { Learner } from '../learner/learner.ts'
import { AdmissionLimits } from './admission-limits.ts'
import type { BufferContext, Shared, Timers } from './context.ts'
import { type FlushRequest, type FlushResult, ScopeBuffer } from './scope-buffer.ts'
import { type BufferSettings, DEFAULT_BUFFER } from './settings.ts'
import { StoredTotals, sumOf, type Totals } from './totals.ts'
import type { View, Views } from './views.ts'

export type { BufferSettings } from './settings.ts'
export type { Totals } from './totals.ts'

export interface BufferOptions {
  records: RecordStore
  /** Wakes scopes up. What waits is in the records; what is lost here is wished for anew. */
  queue: Queue
  /** Absent where this process alone has the store. */
  shared?: Shared | undefined
  engine: MemoryEngine
  learner: Learner
  /** Windows of conversations, as recalls tell of them. */
  views: Views
  countTokens: (text: string) => number
  log: Log
  settings?: Partial<BufferSettings> | undefined
  /** Told of every batch what started it and what came of it: `learned`, or a stable word for why it waits. */
  onFlush?: BufferContext['onFlush']
  /** Epoch milliseconds. */
  now?: () => number
  timers?: Timers
}

export type AcceptOptions = Pick<AddOptions, 'expiresAt' | 'triggers'>

/** `waits`: to be learned from. What has been learned from before does not. */
export type Accepted = Pick<AddResult, 'turnId' | 'turn' | 'events'> & { waits: boolean }

/** A turn that waits, and whether the model thinks about it at the moment. */
export interface WaitingTurn extends PendingTurn {
  processing: boolean
}

/** Pause before a wish that could not be kept is tried again, milliseconds. */
const OWED_MS = 2000

/** How long flushes under way may go on when the buffer closes, milliseconds. */
const DRAIN_MS = 5000

/** When a scope is due again that fell due while its process closed, milliseconds. */
const CLOSING_MS = 1000

/** @default of `Shared.reconcileMs` */
const RECONCILE_MS = 60_000

/**
 * Turns between being accepted and being learned from. A turn is durable, and its words can be recalled, before it is
 * acknowledged; what happens here afterwards needs no caller, survives a crash, and is tried until it works or until
 * the turn is set aside as failed, where it stays, is listed, and can be replayed.
 */
export class BufferZone {
  readonly #options: BufferOptions
  readonly #settings: BufferSettings
  readonly #now: () => number
  readonly #scopes = new Map<string, ScopeBuffer>()
  readonly #closing = new AbortController()
  readonly #givingUp = new AbortController()
  #closed: Promise<void> | undefined
  readonly #context: BufferContext
  #turns = 0
  /** Scopes whose wake-up the queue did not take. */
  readonly #owed = new Map<string, number>()
  #owedTimer: NodeJS.Timeout | undefined
  #reconcileTimer: NodeJS.Timeout | undefined
  /** Absent where this process alone has the store: what waits is known here then. */
  readonly #stored: StoredTotals | undefined
  readonly #limits: AdmissionLimits

  constructor(options: BufferOptions) {
    this.#options = options
    this.#settings = { ...DEFAULT_BUFFER, ...options.settings }
    this.#now = options.now ?? Date.now
    this.#stored = options.shared && new StoredTotals(options.records, this.#now)
    this.#context = {
      records: options.records,
      engine: options.engine,
      learner: options.learner,
      views: options.views,
      log: options.log,
      settings: this.#settings,
      slots: new PQueue({ concurrency: this.#settings.concurrency }),
      shared: options.shared,
      wish: (key, at) => this.#wish(key, at),
      now: this.#now,
      closing: this.#closing.signal,
      givingUp: this.#givingUp.signal,
      onFlush: options.onFlush ?? (() => {}),
      onSize: (change) => {
        this.#turns += change
      },
      onEmpty: (key) => this.#scopes.delete(key),
    }
    this.#limits = new AdmissionLimits({
      limits: this.#settings,
      bufferOf: (key) => this.#scopes.get(key),
      countPending: () => Math.max(this.#turns, this.#stored?.lastTurns ?? 0),
      now: this.#now,
    })
    options.queue.work((key) => this.#run(key))
  }

  /** Takes up what an earlier process left; it is flushed soon. */
  async start(): Promise<void> {
    const { records, shared, log } = this.#options
    const onInvalid = logInvalidRecord(log)
    await migrateLegacyPending(records, onInvalid)
    if (shared) await this.#reconcile()
    else {
      for await (const key of pendingScopes(records)) {
        this.#scope(key).takeOver(await Array.fromAsync(scrollPending(records, key, onInvalid)))
      }
    }
  }

  /**
   * Stores a turn as pending; it is durable when this resolves.
   * @throws {AppError} `too_many_pending` when a limit is reached; nothing is stored then
   */
  async accept(scope: Scope, request: AddRequest, { expiresAt, triggers }: AcceptOptions): Promise<Accepted> {
    const { engine, countTokens } = this.#options
    const key = scopeKey(scope)
    const release = this.#limits.admit(key, this.#isWaiting(key, request))
    // Other sidecars add pending turns too.
    this.#stored?.renew()
    try {
      const { pending, ...result } = await addTurn(engine, scope, request, {
        ...{ learn: true, expiresAt, triggers },
        countTokens: (messages) => tokensOf(messages, countTokens),
      })
      if (pending) {
        this.#scope(key).put(pending)
        this.#lookUpWindow(key, pending)
      }
      return { ...result, waits: pending !== undefined }
    } finally {
      release()
    }
  }

  /** Learns now from what waits, also from what has failed. Resolves when that has been tried once. */
  async flush(
    scope: Scope,
    { conversationId }: { conversationId?: string | undefined } = {},
  ): Promise<FlushResult> {
    return await this.#flushNow(scope, {
      reason: 'explicit',
      accept: (turn) => conversationId === undefined || turn.conversation_id === conversationId,
    })
  }

  /** The conversation is over: learns now from what waits of it, but not from what has failed for good. */
  async endConversation(scope: Scope, conversationId: string): Promise<FlushResult> {
    return await this.#flushNow(scope, {
      reason: 'end',
      accept: (turn) => turn.conversation_id === conversationId && turn.not_before !== null,
    })
  }

  /** Learns now from what has failed for good: from one turn, or from all of a user. */
  async replay(scope: Scope, turnId?: string): Promise<FlushResult> {
    return await this.#flushNow(scope, {
      reason: 'replay',
      accept: (turn) => turn.not_before === null && (turnId === undefined || turn.turn_id === turnId),
    })
  }

  /** A turn of a conversation was recalled for: what is about to leave its window is learned from in time. */
  noteView(scope: Scope, conversationId: string, view: View): void {
    const key = scopeKey(scope)
    this.#options.views.note(key, conversationId, view)
    this.#scopes.get(key)?.replan()
  }

  /** Learns now from one turn, and before it from what waits of its conversation. Its events, not theirs. */
  async flushTurn(
    scope: Scope,
    { turn_id, conversation_id }: Pick<PendingTurn, 'turn_id' | 'conversation_id'>,
  ): Promise<FlushResult> {
    const accept = (turn: PendingTurn) =>
      turn.turn_id === turn_id ||
      (turn.conversation_id === conversation_id && conversation_id !== null && turn.not_before !== null)
    const state = this.#known(scopeKey(scope))
    const done = await state?.flushTurn(turn_id, { reason: 'sync', isUrgent: true, accept })
    return done ?? { events: [], reason: null }
  }

  /**
   * Sees what other sidecars have done since, for the answers that follow. Needed where the asker must not be told
   * less than they would tell; costs nothing where there are no others.
   */
  async refresh(scope: Scope): Promise<void> {
    const state = this.#known(scopeKey(scope))
    await state?.refresh()
    state?.settle()
  }

  /** The turns of a scope that wait, oldest first, and their tokens. */
  waiting(scope: Scope, conversationId?: string): { turns: WaitingTurn[]; tokens: number } {
    const state = this.#scopes.get(scopeKey(scope))
    const turns = (state?.waiting.list(conversationId) ?? []).map((turn) => ({
      ...turn,
      processing: state?.isProcessing(turn.turn_id) ?? false,
    }))
    return { turns, tokens: turns.reduce((sum, turn) => sum + turn.tokens, 0) }
  }

  /** How many turns of a scope wait, and their tokens. */
  counts(scope: Scope, conversationId?: string): { turns: number; tokens: number } {
    const waiting = this.#scopes.get(scopeKey(scope))?.waiting
    if (!waiting) return { turns: 0, tokens: 0 }
    if (conversationId === undefined) return { turns: waiting.size, tokens: waiting.tokens }
    const own = waiting.all().filter((turn) => turn.conversation_id === conversationId)
    return { turns: own.length, tokens: own.reduce((sum, { tokens }) => sum + tokens, 0) }
  }

  /** One turn that waits; `undefined` for one that does not. */
  waitingTurn(scope: Scope, turnId: string): WaitingTurn | undefined {
    const state = this.#scopes.get(scopeKey(scope))
    const turn = state?.waiting.get(turnId)
    return turn && { ...turn, processing: state?.isProcessing(turnId) ?? false }
  }

  /** A turn that waits, as it is stored; `undefined` for one that does not. */
  async turn(scope: Scope, turnId: string): Promise<Turn | undefined> {
    const key = scopeKey(scope)
    await this.refresh(scope)
    if (!this.waitingTurn(scope, turnId)) return undefined
    const turn = await getTurn(this.#options.records, key, turnId)
    return turn?.state === 'done' ? undefined : turn
  }

  /** How much is held: scopes with turns that wait or are being learned from, and those turns. */
  get size(): { scopes: number; turns: number } {
    return { scopes: this.#scopes.size, turns: this.#turns }
  }

  /** What waits in all scopes together, and since when; of these, how many turns have failed for good. */
  async totals(): Promise<Totals> {
    if (this.#stored) return await this.#stored.read()
    return sumOf([...this.#scopes.values()].flatMap(({ waiting }) => waiting.all()))
  }

  /** The user has been forgotten: what does not wait in the store any more does not wait here. */
  async forgotten(scope: Scope): Promise<void> {
    await this.#letGo(scopeKey(scope), () => true)
  }

  /** A turn has been kept verbatim after all, or dropped. */
  async settled(scope: Scope, turnId: string): Promise<void> {
    await this.#letGo(scopeKey(scope), (turn) => turn.turn_id === turnId)
  }

  /**
   * Stops: no flush begins. Those under way may end for a while, since what the model was asked is paid for; then they
   * are given up, and their turns wait for the next start.
   */
  async close({ drainMs = DRAIN_MS }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs)
    await this.#closed
  }

  async #close(drainMs: number): Promise<void> {
    this.#closing.abort(new Error('closing'))
    const { timers = globalThis } = this.#options
    timers.clearTimeout(this.#owedTimer)
    timers.clearTimeout(this.#reconcileTimer)
    const giveUp = () => this.#givingUp.abort(new Error('closing'))
    if (drainMs === 0) giveUp()
    const timer = timers.setTimeout(giveUp, drainMs)
    await Promise.all([...this.#scopes.values()].map((state) => state.close()))
    timers.clearTimeout(timer)
  }

  async #flushNow(scope: Scope, request: Pick<FlushRequest, 'reason' | 'accept'>): Promise<FlushResult> {
    const state = this.#known(scopeKey(scope))
    return (await state?.flush({ ...request, isUrgent: true })) ?? { events: [], reason: null }
  }

  /** Another sidecar may have been asked for the recall of this conversation. */
  #lookUpWindow(key: string, { conversation_id }: PendingTurn): void {
    const { views } = this.#options
    if (conversation_id === null || views.of(key, conversation_id)) return
    void views.ask(key, conversation_id).then((isKnown) => {
      if (isKnown) this.#scopes.get(key)?.replan()
    })
  }

  /** The queue says that a scope is due. */
  async #run(key: string): Promise<number | null> {
    // For whoever works on.
    if (this.#closing.signal.aborted) return this.#now() + CLOSING_MS
    const at = (await this.#known(key)?.run()) ?? null
    return this.#closing.signal.aborted ? this.#now() + CLOSING_MS : at
  }

  #wish(key: string, at: number): void {
    const { queue, log } = this.#options
    queue.schedule(key, at).then(
      () => this.#owed.delete(key),
      (error: unknown) => {
        if (this.#closing.signal.aborted) return
        if (this.#owed.size === 0) log.warn('queue unavailable', { error: String(error) })
        if (this.#owed.size < this.#settings.maxTurns) this.#owed.set(key, at)
        this.#owedTimer ??= this.#later(OWED_MS, () => {
          this.#owedTimer = undefined
          for (const [owed, then] of this.#owed) this.#wish(owed, then)
        })
      },
    )
  }

  /** Wishes for all that waits, whoever took it in: the queue may have lost it, or its process died before it wished. */
  async #reconcile(): Promise<void> {
    const { records, shared, log } = this.#options
    try {
      for (const state of this.#scopes.values()) state.forget()
      for await (const key of pendingScopes(records)) {
        if (this.#closing.signal.aborted) return
        this.#wish(key, this.#now() + this.#settings.idleMs)
      }
    } catch (error) {
      log.warn('pending turns not looked for', { error: String(error) })
    }
    // Spread, so that sidecars do not march in step.
    const ms = (shared?.reconcileMs ?? RECONCILE_MS) * (0.75 + Math.random() / 2)
    this.#reconcileTimer = this.#later(ms, () => void this.#reconcile())
  }

  #later(ms: number, task: () => void): NodeJS.Timeout | undefined {
    if (this.#closing.signal.aborted) return undefined
    const timer = (this.#options.timers ?? globalThis).setTimeout(task, ms)
    timer.unref?.()
    return timer
  }

  /** Where others take turns in, any scope may have some. */
  #known(key: string): ScopeBuffer | undefined {
    return this.#options.shared ? this.#scope(key) : this.#scopes.get(key)
  }

  #scope(key: string): ScopeBuffer {
    const state = this.#scopes.get(key) ?? new ScopeBuffer(key, this.#context)
    this.#scopes.set(key, state)
    return state
  }

  /** By what the store has: a turn that came at this very moment stays. */
  async #letGo(key: string, isMeant: (turn: PendingTurn) => boolean): Promise<void> {
    const gone: PendingTurn[] = []
    for (const turn of this.#scopes.get(key)?.waiting.all().filter(isMeant) ?? []) {
      if (!(await getPending(this.#options.records, key, turn.turn_id))) gone.push(turn)
    }
    this.#scopes.get(key)?.remove(gone)
  }

  /** A turn that waits already takes no more room when it is posted again. */
  #isWaiting(key: string, { conversationId, turn }: AddRequest): boolean {
    if (conversationId === undefined || turn === undefined) return false
    return this.#scopes.get(key)?.waiting.has(turnRecordId(conversationId, turn)) ?? false
  }
}

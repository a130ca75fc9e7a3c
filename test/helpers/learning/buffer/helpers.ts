import { expect, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import { compose, type Services } from '../../../../sidecar/app/compose.ts'
import { Ledger } from '../../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../../sidecar/insight/ledger/prices.ts'
import type { BufferZone } from '../../../../sidecar/learning/buffer/buffer-zone.ts'
import type { AddRequest } from '../../../../sidecar/learning/intake/add-turn.ts'
import type { Mode } from '../../../../sidecar/learning/turn-intake.ts'
import type { PendingTurn } from '../../../../sidecar/memory/model/pending.ts'
import { type Scope, scopeKey } from '../../../../sidecar/memory/model/scope.ts'
import type { Turn } from '../../../../sidecar/memory/model/turns.ts'
import { pendingScopes, scrollPending } from '../../../../sidecar/memory/repositories/pending.ts'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import { createLog } from '../../../../sidecar/ports/log.ts'
import { type RecordStore, scrollAll } from '../../../../sidecar/ports/records.ts'
import type { ScopeLock } from '../../../../sidecar/ports/scope-lock.ts'
import { type Clock, stoppedClock } from '../../clock.ts'
import type { FactTable } from '../../memory-model.ts'
import { openMemoryQueue, openMemoryRecords } from '../../sqlite.ts'
import { held, TABLE, type TableModel, tableModel } from './model.ts'
import { type FakeTimers, fakeTimers, until } from './timers.ts'

export const ADA: Scope = { namespace: 'n', userId: 'ada' }

export interface SetUp {
  model: TableModel
  clock: Clock
  timers: FakeTimers
  services: Services
  records: RecordStore
  buffer: BufferZone
  /** Log lines, as objects. */
  lines: { level: string; event: string; reason?: string; [field: string]: unknown }[]
  /** Adds a turn with one message of the user. */
  post: (
    turn: number,
    content: string,
    more?: Partial<AddRequest> & { mode?: Mode; scope?: Scope },
  ) => ReturnType<Services['intake']['add']>
  texts: (scope?: Scope) => Promise<string[]>
  /** Recalled texts, best first. */
  recalled: (query: string, scope?: Scope) => Promise<string[]>
  /** The pending records in the store. */
  pendingStored: () => Promise<PendingTurn[]>
  turnsStored: (scope?: Scope) => Promise<Turn[]>
  history: (scope?: Scope) => Promise<string[]>
  /** Opens new services on the same store, as a new process does. */
  restart: () => Promise<SetUp>
}

export interface SetUpOptions {
  table?: FactTable
  model?: TableModel
  buffer?: object
  embedder?: Embedder
  wrapRecords?: (records: RecordStore) => RecordStore
  countTokens?: (text: string) => number
  clock?: Clock
  records?: RecordStore
  /** Set for several sidecars on the same records. */
  shared?: { flushLock: ScopeLock; scopeLock: ScopeLock; timers: FakeTimers } | undefined
}

/** The composed services with an injected clock and an in-process model. */
export function setUp(options: SetUpOptions = {}): SetUp {
  const { model = tableModel(options.table ?? TABLE), clock = stoppedClock() } = options
  const { shared } = options
  const timers = shared?.timers ?? fakeTimers(clock)
  const opened = options.records ?? openMemoryRecords()
  const records = (options.wrapRecords ?? ((same) => same))(opened)
  const bounds = { maxEntries: 10, maxBytes: 100_000, now: clock.now }
  const cache = createInProcessCache(bounds)
  const scopeState = createInProcessScopeState(bounds)
  const ledger = new Ledger({ records, prices: parsePrices('') })
  const queue = openMemoryQueue({ now: clock.now, timers })
  const lines: SetUp['lines'] = []
  const posted = new Set<string>()
  const services = compose(
    {
      records,
      cache,
      scopeState,
      scopeLock: shared?.scopeLock ?? createInProcessScopeLock(),
      flushLock: shared?.flushLock,
      embedder: options.embedder ?? lexicalEmbedder(),
      model,
      queue,
      ledger,
    },
    {
      embeddingDeadlineMs: 5000,
      countTokens: options.countTokens ?? ((text) => Math.ceil(text.length / 4)),
      now: clock.now,
      timers,
      buffer: options.buffer,
    },
    createLog('debug', (line) => lines.push(JSON.parse(line))),
  )
  const buffer = services.buffer as BufferZone
  onTestFinished(async () => {
    await buffer.close({ drainMs: 0 })
    await queue.close()
    await services.engine.drained()
    await ledger.close()
    await opened.close()
  })
  return {
    model,
    clock,
    timers,
    services,
    records,
    buffer,
    lines,
    async post(turn, content, { mode, scope = ADA, ...more } = {}) {
      const messages = [{ role: 'user' as const, name: 'Ada', content }]
      const place = JSON.stringify([scope, more.conversationId, turn])
      // Sooner, other words are a turn of their own.
      if (posted.has(place)) clock.advance(2000)
      posted.add(place)
      return await services.intake.add(scope, { messages, conversationId: 'c', turn, ...more }, mode)
    },
    async texts(scope = ADA) {
      const { memories } = await services.engine.list(scope, { limit: 1000, accept: () => true })
      return memories.map(({ text }) => text).sort()
    },
    async recalled(query, scope = ADA) {
      const { found } = await services.recall.search(scope, { query, topK: 100 })
      return found.map(({ memory }) => memory.text)
    },
    async pendingStored() {
      const all: PendingTurn[] = []
      for await (const scope of pendingScopes(opened)) {
        for await (const turn of scrollPending(opened, scope)) all.push(turn)
      }
      return all
    },
    async turnsStored(scope = ADA) {
      const all: Turn[] = []
      for await (const { payload } of scrollAll(opened, 'turns', scopeKey(scope)))
        all.push(payload as unknown as Turn)
      return all
    },
    async history(scope = ADA) {
      const rows: string[] = []
      for await (const { payload } of scrollAll(opened, 'history', scopeKey(scope)))
        rows.push(`${payload['event']} ${payload['version']} ${payload['after'] ?? payload['before']}`)
      return rows
    },
    async restart() {
      // Cancels running flushes, as a crash does.
      await buffer.close({ drainMs: 0 })
      const next = setUp({ ...options, model, clock, records: opened })
      await next.buffer.start()
      return next
    },
  }
}

/** Starts a flush and resolves during its model call, which ends when it is released. */
export async function startFlush(at: Pick<SetUp, 'model' | 'buffer'>) {
  const call = held()
  at.model.next(call.behaviour)
  const flushing = at.buffer.flush(ADA)
  await call.reached
  return { flushing, release: call.release }
}

export function unavailable(
  reason: ModelUnavailable['reason'],
  more: { retryAfterMs?: number; status?: number } = {},
) {
  return (): never => {
    throw new ModelUnavailable(reason, reason, more)
  }
}

/** The triggers of the flushes so far, in order. */
export function flushes({ lines }: SetUp): (string | undefined)[] {
  return lines.filter(({ event }) => event === 'flushed').map(({ reason }) => reason)
}

/** Waits for as many flushes, and checks their triggers. */
export async function expectFlushes(at: SetUp, triggers: readonly string[]): Promise<void> {
  await until(() => flushes(at).length === triggers.length)
  expect(flushes(at)).toEqual(triggers)
}

export function expectNoErrors({ lines }: SetUp): void {
  expect(lines.filter(({ level }) => level === 'error')).toEqual([])
}

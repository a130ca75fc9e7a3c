import { expect, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteQueue } from '../../sidecar/adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { type AppConfig, createApp } from '../../sidecar/app.ts'
import type { BufferSettings } from '../../sidecar/buffer/settings.ts'
import { compose, type Services } from '../../sidecar/compose.ts'
import { Ledger } from '../../sidecar/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/ledger/prices.ts'
import { createLog } from '../../sidecar/log.ts'
import type { MemoryEngine } from '../../sidecar/memory/engine.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import type { LanguageModel } from '../../sidecar/ports/language-model.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import type { ScopeLock } from '../../sidecar/ports/scope-lock.ts'
import type { ScopeState } from '../../sidecar/ports/scope-state.ts'
import type { Recall } from '../../sidecar/recall/recall.ts'
import type { StrategySettings } from '../../sidecar/recall/strategies/create.ts'
import { type Clock, stoppedClock } from './clock.ts'

export interface TestAppOptions extends Partial<AppConfig> {
  /** Stands between the engine and the real store. */
  wrapRecords?: (records: RecordStore) => RecordStore
  embedder?: Embedder
  embeddingDeadlineMs?: number
  cacheMaxBytes?: number
  scopeState?: ScopeState
  scopeLock?: ScopeLock
  strategies?: Partial<StrategySettings>
  /** As `PRICES` has them. */
  prices?: string
  /** Absent: turns are kept verbatim. */
  model?: LanguageModel
  buffer?: Partial<BufferSettings>
  /** The test is about a failure: logged errors are its subject. */
  expectErrors?: boolean
}

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, which the test is about to examine
  body: any
}

export interface TestApp {
  clock: Clock
  /** What the log took down with level error. */
  errors: string[]
  /** A request with a JSON body, answered with the body read as JSON. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
  /** The same, raw. */
  fetch: (path: string, init?: RequestInit) => Promise<Response>
  engine: MemoryEngine
  recall: Recall
  ledger: Ledger
  services: Services
}

/**
 * The whole app on the embedded backends, in memory, for the running test. When the test ends the log must hold no
 * error: no test passes over a failure that it did not look at.
 */
export function testApp(options: TestAppOptions = {}): TestApp {
  const { wrapRecords = (records) => records, embedder = lexicalEmbedder(), expectErrors = false } = options
  const { apiKeys = [], maxBodyBytes = 1024 * 1024, publicUrl } = options
  const clock = stoppedClock()
  const opened = openSqliteRecords(':memory:')
  const records = wrapRecords(opened)
  const bounds = { maxEntries: 1000, maxBytes: options.cacheMaxBytes ?? 10_000_000, now: clock.now }
  const cache = createInProcessCache(bounds)
  const scopeState = options.scopeState ?? createInProcessScopeState(bounds)
  const ledger = new Ledger({ records, prices: parsePrices(options.prices ?? '') })
  const queue = openSqliteQueue({ path: ':memory:', concurrency: 64, now: clock.now })
  const errors: string[] = []
  const log = createLog('error', (line) => errors.push(line))
  const services = compose(
    {
      records,
      cache,
      scopeState,
      scopeLock: options.scopeLock ?? createInProcessScopeLock(),
      embedder,
      model: options.model,
      queue,
      ledger,
    },
    {
      indexMaxBytes: 64 * 1024 * 1024,
      embeddingDeadlineMs: options.embeddingDeadlineMs ?? 5000,
      countTokens: (text) => Math.ceil(text.length / 4),
      now: clock.now,
      buffer: options.buffer,
      strategies: options.strategies,
    },
    log,
  )
  const { engine, recall } = services
  const app = createApp(services, { apiKeys, maxBodyBytes, publicUrl }, log)
  onTestFinished(async () => {
    await services.buffer?.close()
    await queue.close()
    await engine.drained()
    await ledger.close()
    await opened.close()
    if (!expectErrors) expect(errors).toEqual([])
  })
  return {
    clock,
    errors,
    engine,
    recall,
    ledger,
    services,
    async call(method, path, body, headers = {}) {
      const init: RequestInit = { method, headers: { ...headers } }
      if (body !== undefined) {
        init.body = JSON.stringify(body)
        init.headers = { 'content-type': 'application/json', ...headers }
      }
      const response = await app.request(path, init)
      return { status: response.status, headers: response.headers, body: await response.json() }
    },
    async fetch(path, init) {
      return await app.request(path, init)
    },
  }
}

/** The body of a turn in which the user says something. */
export function said(content: string, rest: Record<string, unknown> = {}) {
  return { user_id: 'ada', messages: [{ role: 'user', content }], ...rest }
}

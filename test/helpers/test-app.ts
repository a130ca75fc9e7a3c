import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { compose, type EngineSettings } from '../../sidecar/app/compose.ts'
import { readConfig } from '../../sidecar/app/config.ts'
import { createReplayEngines } from '../../sidecar/app/replay-engine.ts'
import { type AppConfig, createApp } from '../../sidecar/http/app.ts'
import { createHttpServer } from '../../sidecar/http/server/create-server.ts'
import { Ledger } from '../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/insight/ledger/prices.ts'
import type { BufferSettings } from '../../sidecar/learning/buffer/settings.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import type { LanguageModel, ModelRequests } from '../../sidecar/ports/language-model.ts'
import { createLog } from '../../sidecar/ports/log.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import type { ScopeLock } from '../../sidecar/ports/scope-lock.ts'
import type { ScopeState } from '../../sidecar/ports/scope-state.ts'
import type { StrategySettings } from '../../sidecar/retrieval/strategies/create.ts'
import { stoppedClock } from './clock.ts'
import { openMemoryQueue, openMemoryRecords } from './sqlite.ts'

export interface TestAppOptions
  extends Partial<AppConfig>,
    Pick<EngineSettings, 'defaultRules' | 'dictionary' | 'quotas'> {
  /** Wraps the store that the engine uses. */
  wrapRecords?: (records: RecordStore) => RecordStore
  embedder?: Embedder
  embeddingDeadlineMs?: number
  cacheMaxBytes?: number
  scopeState?: ScopeState
  scopeLock?: ScopeLock
  strategies?: Partial<StrategySettings>
  /** In the format of the `PRICES` setting. */
  prices?: string
  /** Without a model, turns are kept verbatim. */
  model?: LanguageModel
  modelRequests?: ModelRequests
  buffer?: Partial<BufferSettings>
  /** Whether the test expects errors in the log. */
  expectErrors?: boolean
}

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
  body: any
}

export type TestApp = ReturnType<typeof testApp>

const DEFAULTS = readConfig({})

/**
 * Creates the app on in-memory embedded backends for the running test. Fails the test if the log contains errors, unless
 * `expectErrors` is set.
 */
export function testApp(options: TestAppOptions = {}) {
  const { wrapRecords = (records) => records, embedder = lexicalEmbedder(), expectErrors = false } = options
  const { apiKeys = [], maxBodyBytes = 1024 * 1024, publicUrl } = options
  const { inFlight, requestsPerMinute } = { ...DEFAULTS, ...options }
  const clock = stoppedClock()
  const opened = openMemoryRecords()
  const records = wrapRecords(opened)
  const bounds = { maxEntries: 1000, maxBytes: options.cacheMaxBytes ?? 10_000_000, now: clock.now }
  const cache = createInProcessCache(bounds)
  const scopeState = options.scopeState ?? createInProcessScopeState(bounds)
  const ledger = new Ledger({ records, prices: parsePrices(options.prices ?? '') })
  const queue = options.model && openMemoryQueue({ now: clock.now })
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
      modelRequests: options.modelRequests,
      queue,
      ledger,
      openReplayEngines: (ruleBook) => createReplayEngines({ ruleBook, learns: options.model !== undefined }),
    },
    {
      embeddingDeadlineMs: options.embeddingDeadlineMs ?? 60_000,
      isNeural: options.embedder !== undefined,
      countTokens: (text) => Math.ceil(text.length / 4),
      now: clock.now,
      buffer: options.buffer,
      quotas: options.quotas,
      defaultRules: options.defaultRules,
      dictionary: options.dictionary,
      // No deadline passes on a slow machine.
      strategies: { deadlineMs: 60_000, ...options.strategies },
      assignDeadlineMs: 60_000,
    },
    log,
  )
  const { engine, recall } = services
  const app = createApp(services, { apiKeys, maxBodyBytes, inFlight, requestsPerMinute, publicUrl }, log)
  onTestFinished(async () => {
    await services.replays?.close()
    await services.experiments.close()
    await services.buffer?.close()
    await queue?.close()
    await engine.drained()
    await ledger.close()
    await opened.close()
    if (!expectErrors) expect(errors).toEqual([])
  })
  return {
    clock,
    /** Logged lines of level error. */
    errors,
    engine,
    recall,
    ledger,
    services,
    /** Sends a request with a JSON body; returns the parsed answer. */
    async call(
      method: string,
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ): Promise<Answer> {
      const init: RequestInit = { method, headers: { ...headers } }
      if (body !== undefined) {
        init.body = JSON.stringify(body)
        // As HTTP clients do. A body of unknown length counts as the largest one.
        const length = String(Buffer.byteLength(init.body))
        init.headers = { 'content-type': 'application/json', 'content-length': length, ...headers }
      }
      const response = await app.request(path, init)
      return { status: response.status, headers: response.headers, body: await response.json() }
    },
    /** Listens on a free port until the test ends; returns the address. */
    async listen(): Promise<string> {
      const server = createHttpServer(app.fetch).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(async () => {
        server.closeAllConnections()
        await promisify(server.close.bind(server))()
      })
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    /** Sends a request; returns the raw response. */
    fetch: async (path: string, init?: RequestInit) => await app.request(path, init),
  }
}

/** The request body of a turn with one user message. */
export function said(content: string, rest: Record<string, unknown> = {}) {
  return { user_id: 'ada', messages: [{ role: 'user', content }], ...rest }
}

import { createRoute, z } from '@hono/zod-openapi'
import pTimeout from 'p-timeout'
import type { CacheStore } from '../../ports/cache-store.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import { VERSION } from '../../ports/version.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'

/** Milliseconds. */
const CHECK_DEADLINE_MS = 2000

const SERVICE = 'hippocache' as const

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'healthz',
  summary: 'Check that the process is alive',
  responses: s.responses('Alive.', z.object({ status: z.enum(['ok']), service: z.literal(SERVICE) })),
})

const backendState = z.object({
  kind: z.string(),
  status: z.enum(['ok', 'failed', 'none']),
  error: z.string().nullable(),
})

type BackendState = z.infer<typeof backendState>

const NONE: BackendState = { kind: 'none', status: 'none', error: null }

const readiness = z.object({
  status: z.enum(['ready', 'unready']),
  service: z.literal(SERVICE),
  backends: z.object({
    records: backendState,
    cache: backendState,
    scope_state: backendState.describe('State per user that all sidecars share: counters and cached blocks.'),
    scope_lock: backendState.describe('Write lock per user.'),
    queue: backendState.describe('Job queue for pending turns.'),
    language_model: backendState.describe('Whether one is configured; it is not called.'),
    embedder: backendState.describe('Not called.'),
  }),
})

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'readyz',
  summary: 'Check that every backend responds',
  description: `Each backend has ${CHECK_DEADLINE_MS} ms to respond.`,
  responses: {
    200: { description: 'Every backend responds.', content: { 'application/json': { schema: readiness } } },
    503: {
      description: 'At least one backend does not respond.',
      content: { 'application/json': { schema: readiness } },
    },
  },
})

const status = createRoute({
  method: 'get',
  path: '/v1/status',
  operationId: 'status',
  summary: 'Get the namespace of this API key and the backends of the sidecar',
  responses: s.responses(
    'The API key is valid.',
    z.object({
      service: z.literal(SERVICE),
      version: z.string(),
      namespace: z.string(),
      backends: z.object({
        records: z.string(),
        cache: z.string(),
        queue: z.string(),
        language_model: z.string(),
        embedder: z.string(),
      }),
    }),
  ),
})

interface CheckedBackend {
  kind: string
  check(): Promise<void>
}

interface Backends {
  records: RecordStore
  cache: CacheStore
  scopeState: ScopeState
  scopeLock: ScopeLock
  /** Absent without a language model. */
  queue?: CheckedBackend | undefined
  embedder: Embedder
  model: LanguageModel | undefined
}

export function backendNames({ records, cache, queue, model, embedder }: Backends) {
  return {
    records: records.kind,
    cache: cache.kind,
    queue: queue?.kind ?? 'none',
    language_model: model?.kind ?? 'none',
    embedder: embedder.name,
  }
}

export function healthRoutes(services: Backends) {
  const { records, cache, scopeState, scopeLock, queue, embedder, model } = services
  return router()
    .openapi(healthz, (c) => c.json({ status: 'ok' as const, service: SERVICE }, 200))
    .openapi(readyz, async (c) => {
      const [recordsState, cacheState, scopeStateState, lockState, queueState] = await Promise.all([
        check(records),
        check(cache),
        check(scopeState),
        check(scopeLock),
        queue ? check(queue) : NONE,
      ])
      const backends = {
        records: recordsState,
        cache: cacheState,
        scope_state: scopeStateState,
        scope_lock: lockState,
        queue: queueState,
        // Models are not called: a call costs money, and failed calls are retried and listed under /v1/pending.
        language_model: model ? { kind: model.kind, status: 'ok' as const, error: null } : NONE,
        embedder: { kind: embedder.name, status: 'ok' as const, error: null },
      }
      const isReady = Object.values(backends).every((state) => state.status !== 'failed')
      return isReady
        ? c.json({ status: 'ready' as const, service: SERVICE, backends }, 200)
        : c.json({ status: 'unready' as const, service: SERVICE, backends }, 503)
    })
    .openapi(status, (c) => {
      const namespace = c.get('namespace')
      return c.json({ service: SERVICE, version: VERSION, namespace, backends: backendNames(services) }, 200)
    })
}

async function check(backend: CheckedBackend): Promise<BackendState> {
  const { kind } = backend
  try {
    await pTimeout(backend.check(), {
      milliseconds: CHECK_DEADLINE_MS,
      message: `no response within ${CHECK_DEADLINE_MS} ms`,
    })
    return { kind, status: 'ok', error: null }
  } catch (error) {
    return { kind, status: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

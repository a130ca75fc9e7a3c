import { createRoute, z } from '@hono/zod-openapi'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { LanguageModel } from '../ports/language-model.ts'
import type { RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import type { ScopeState } from '../ports/scope-state.ts'
import { VERSION } from '../version.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

/** How long a backend may take to say that it is there, milliseconds. */
const CHECK_DEADLINE_MS = 2000

const SERVICE = 'hippocache' as const

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'healthz',
  summary: 'Whether the process is alive',
  responses: s.answers('Alive.', z.object({ status: z.enum(['ok']), service: z.literal(SERVICE) })),
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
    scope_state: backendState.describe('What sidecars know together of a scope: counters and blocks.'),
    scope_lock: backendState.describe('Who may write to a scope.'),
    queue: backendState.describe('What wakes up turns that wait.'),
    language_model: backendState,
    embedder: backendState,
  }),
})

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'readyz',
  summary: 'Whether every backend answers',
  responses: {
    200: { description: 'Every backend answers.', content: { 'application/json': { schema: readiness } } },
    503: {
      description: 'A backend does not answer.',
      content: { 'application/json': { schema: readiness } },
    },
  },
})

const status = createRoute({
  method: 'get',
  path: '/v1/status',
  operationId: 'status',
  summary: 'Whom this key belongs to, and what the sidecar runs on',
  responses: s.answers(
    'The key is good.',
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

/** A backend that says whether it is there. */
interface Checked {
  kind: string
  check(): Promise<void>
}

interface Backends {
  records: RecordStore
  cache: CacheStore
  scopeState: ScopeState
  scopeLock: ScopeLock
  /** Absent where nothing waits. */
  queue?: Checked | undefined
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
      const [recordsState, cacheState, stateState, lockState, queueState] = await Promise.all([
        check(records),
        check(cache),
        check(scopeState),
        check(scopeLock),
        queue ? check(queue) : NONE,
      ])
      const checked = {
        records: recordsState,
        cache: cacheState,
        scope_state: stateState,
        scope_lock: lockState,
        queue: queueState,
      }
      const backends = {
        ...checked,
        // Not asked: a call would cost money, and what fails is tried again and shown under /v1/pending.
        language_model: model ? { kind: model.kind, status: 'ok' as const, error: null } : NONE,
        embedder: { kind: embedder.name, status: 'ok' as const, error: null },
      }
      const ready = Object.values(checked).every(({ status }) => status !== 'failed')
      const answer = { status: ready ? ('ready' as const) : ('unready' as const), service: SERVICE, backends }
      return ready ? c.json(answer, 200) : c.json(answer, 503)
    })
    .openapi(status, (c) =>
      c.json(
        {
          service: SERVICE,
          version: VERSION,
          namespace: c.get('namespace'),
          backends: backendNames(services),
        },
        200,
      ),
    )
}

async function check(backend: Checked): Promise<BackendState> {
  const { kind } = backend
  let timer: NodeJS.Timeout | undefined
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${CHECK_DEADLINE_MS} ms`)), CHECK_DEADLINE_MS)
    })
    await Promise.race([backend.check(), late])
    return { kind, status: 'ok', error: null }
  } catch (error) {
    return { kind, status: 'failed', error: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}

import { createRoute, z } from '@hono/zod-openapi'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { LanguageModel } from '../ports/language-model.ts'
import type { RecordStore } from '../ports/records.ts'
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

const readiness = z.object({
  status: z.enum(['ready', 'unready']),
  service: z.literal(SERVICE),
  backends: z.object({
    records: backendState,
    cache: backendState,
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
        language_model: z.string(),
        embedder: z.string(),
      }),
    }),
  ),
})

interface Backends {
  records: RecordStore
  cache: CacheStore
  embedder: Embedder
  model: LanguageModel | undefined
}

export function backendNames({ records, cache, model, embedder }: Backends) {
  return {
    records: records.kind,
    cache: cache.kind,
    language_model: model?.kind ?? 'none',
    embedder: embedder.name,
  }
}

export function healthRoutes(services: Backends) {
  const { records, cache, embedder, model } = services
  return router()
    .openapi(healthz, (c) => c.json({ status: 'ok' as const, service: SERVICE }, 200))
    .openapi(readyz, async (c) => {
      const [recordsState, cacheState] = await Promise.all([check(records), check(cache)])
      const backends = {
        records: recordsState,
        cache: cacheState,
        // Not asked: a call would cost money, and what fails is tried again and shown under /v1/pending.
        language_model: model
          ? { kind: model.kind, status: 'ok' as const, error: null }
          : { kind: 'none', status: 'none' as const, error: null },
        embedder: { kind: embedder.name, status: 'ok' as const, error: null },
      }
      const ready = recordsState.status === 'ok' && cacheState.status === 'ok'
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

async function check(backend: RecordStore | CacheStore): Promise<BackendState> {
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

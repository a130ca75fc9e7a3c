import { z } from '@hono/zod-openapi'
import pTimeout from 'p-timeout'
import { Registry } from 'prom-client'
import { processMetrics } from '../../insight/metrics/metrics.ts'
import { VERSION } from '../../ports/version.ts'
import { type Api, operation } from '../shared/operation.ts'
import type { CheckedBackend, HttpServices } from '../shared/services.ts'
import { toIso } from '../shared/values.ts'

const CHECK_DEADLINE_MS = 2000

const SERVICE = 'hippocache'

const backendState = z.object({
  kind: z.string(),
  status: z.enum(['ok', 'failed', 'none', 'failing']),
  error: z.string().nullable(),
  since: z.string().optional().describe('Start of the failures; with status failing only.'),
})

type BackendState = z.infer<typeof backendState>

const NONE: BackendState = { kind: 'none', status: 'none', error: null }

export function backendNames({ records, cache, queue, model, embedder }: HttpServices) {
  return {
    records: records.kind,
    cache: cache.kind,
    queue: queue?.kind ?? 'none',
    language_model: model?.kind ?? 'none',
    embedder: embedder.name,
  }
}

const healthzOperation = operation({
  route: 'GET /healthz',
  operationId: 'healthz',
  summary: 'Check that the process is alive',
  returns: 'Alive.',
  answer: { status: z.enum(['ok']), service: z.literal(SERVICE), version: z.string() },
})

const readyzOperation = operation({
  route: 'GET /readyz',
  operationId: 'readyz',
  summary: 'Check that every backend responds',
  description: `Each backend has ${CHECK_DEADLINE_MS} ms to respond. The check of a record store in a file includes a write.`,
  returns: { 200: 'Every backend responds.', 503: 'At least one backend does not respond.' },
  answer: {
    status: z.enum(['ready', 'unready']),
    service: z.literal(SERVICE),
    backends: z.object({
      records: backendState,
      cache: backendState,
      scope_state: backendState.describe(
        'State per user that all sidecars share: counters and cached blocks.',
      ),
      scope_lock: backendState.describe('Write lock per user.'),
      queue: backendState.describe('Job queue for pending turns.'),
      language_model: backendState.describe(
        'failing while calls are suspended because they failed repeatedly, or the key is rejected; the sidecar stays ready, and turns stay pending. This check does not call the model.',
      ),
      embedder: backendState.describe('Not called.'),
    }),
  },
})

const statusOperation = operation({
  route: 'GET /v1/status',
  operationId: 'status',
  summary: 'Get the namespace of this API key and the backends of the sidecar',
  returns: 'The API key is valid.',
  answer: {
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
  },
})

export function healthRoutes(api: Api, services: HttpServices): void {
  healthzOperation.handle(api, () => ({ status: 'ok', service: SERVICE, version: VERSION }))

  readyzOperation.handle(api, async (_, c) => {
    const { embedder, model } = services
    const [records, cache, scope_state, scope_lock, queue] = await Promise.all([
      check(services.records),
      check(services.cache),
      check(services.scopeState),
      check(services.scopeLock),
      services.queue ? check(services.queue) : NONE,
    ])
    const ok = { status: 'ok', error: null } as const
    // Models are not called: a call costs money, and failed calls are retried and listed under /v1/pending.
    const outage = model?.failing?.()
    const state = outage
      ? { status: 'failing' as const, error: outage.error, since: toIso(outage.since) }
      : ok
    const language_model = model ? { kind: model.kind, ...state } : NONE
    const backends = {
      records,
      cache,
      scope_state,
      scope_lock,
      queue,
      language_model,
      embedder: { kind: embedder.name, ...ok },
    }
    if (Object.values(backends).every((state) => state.status !== 'failed')) {
      return { status: 'ready', service: SERVICE, backends }
    }
    return c.json({ status: 'unready', service: SERVICE, backends }, 503)
  })

  statusOperation.handle(api, (_, c) => ({
    service: SERVICE,
    version: VERSION,
    namespace: c.get('namespace'),
    backends: backendNames(services),
  }))

  // Prometheus text format 0.0.4. Not in the OpenAPI document, because it is no tool for an app. The metrics cover the
  // whole process, except that experiments are those of the namespace; with API keys set, any of them grants access.
  api.get('/metrics', async (c) => {
    const merged = Registry.merge([
      services.metrics.registry,
      services.metrics.experimentRegistry(c.get('namespace')),
      processMetrics(),
    ])
    return c.body(await merged.metrics(), 200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE })
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

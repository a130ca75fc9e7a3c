import { describe, expect, it } from 'vitest'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { healthRoutes } from '../../sidecar/routes/health.ts'
import { testApp } from '../helpers/test-app.ts'

type Services = Parameters<typeof healthRoutes>[0]

const OK = { status: 'ok', error: null }
const NONE = { kind: 'none', status: 'none', error: null }

function away(): Promise<void> {
  return Promise.reject(new Error('redis at cache:6379: connect ECONNREFUSED'))
}

/** What `/readyz` answers where some backends are others. */
async function readyz(change: (services: Services) => Partial<Services> = () => ({})) {
  const { services } = testApp()
  const response = await healthRoutes({ ...services, ...change(services) }).request('/readyz')
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, which the test is about to examine
  return { status: response.status, body: (await response.json()) as any }
}

describe('readyz', () => {
  it('names every backend with its kind', async () => {
    expect(await readyz()).toEqual({
      status: 200,
      body: {
        status: 'ready',
        service: 'hippocache',
        backends: {
          records: { kind: 'sqlite', ...OK },
          cache: { kind: 'in-process', ...OK },
          scope_state: { kind: 'in-process', ...OK },
          scope_lock: { kind: 'in-process', ...OK },
          queue: { kind: 'sqlite', ...OK },
          language_model: NONE,
          embedder: { kind: expect.any(String), ...OK },
        },
      },
    })
    const queue = { kind: 'bullmq', check: async () => {} }
    expect(await readyz(() => ({ queue }))).toMatchObject({
      status: 200,
      body: { backends: { queue: { kind: 'bullmq', ...OK } } },
    })
  })

  const bounds = { maxEntries: 10, maxBytes: 100_000 }
  it.each<[string, (services: Services) => Partial<Services>]>([
    ['records', ({ records }) => ({ records: { ...records, check: away } })],
    ['cache', ({ cache }) => ({ cache: { ...cache, check: away } })],
    ['scope_state', () => ({ scopeState: { ...createInProcessScopeState(bounds), check: away } })],
    ['scope_lock', () => ({ scopeLock: { ...createInProcessScopeLock(), check: away } })],
    ['queue', () => ({ queue: { kind: 'bullmq', check: away } })],
  ])('says that the %s is away, and of the others that they are there', async (name, change) => {
    const { status, body } = await readyz(change)
    const states = Object.entries(body.backends as Record<string, { status: string; error: string | null }>)
    expect({ status, word: body.status }).toEqual({ status: 503, word: 'unready' })
    expect(states.filter(([, state]) => state.status === 'failed')).toEqual([
      [name, expect.objectContaining({ error: 'redis at cache:6379: connect ECONNREFUSED' })],
    ])
  })

  it('waits for none of them for more than two seconds', async () => {
    const hang = () => new Promise<void>(() => {})
    const { status, body } = await readyz(({ records, cache }) => ({
      records: { ...records, check: hang },
      cache: { ...cache, check: hang },
    }))
    expect(status).toBe(503)
    expect(body.backends).toMatchObject({
      records: { status: 'failed', error: 'no answer in 2000 ms' },
      cache: { status: 'failed', error: 'no answer in 2000 ms' },
      scope_state: OK,
    })
  })
})

import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { readConfig } from '../../../sidecar/app/config.ts'
import { createApp } from '../../../sidecar/http/app.ts'
import { createLog } from '../../../sidecar/ports/log.ts'
import { testApp } from '../../helpers/test-app.ts'

type Services = Parameters<typeof createApp>[0]

const OK = { status: 'ok', error: null }
const NONE = { kind: 'none', status: 'none', error: null }

function reject(): Promise<void> {
  return Promise.reject(new Error('redis at cache:6379: connect ECONNREFUSED'))
}

/** Calls `/readyz` with some backends replaced. */
async function readyz(change: (services: Services) => Partial<Services> = () => ({})) {
  const { services } = testApp()
  const config = { ...readConfig({}), maxBodyBytes: 1024 }
  const app = createApp(
    { ...services, ...change(services) },
    config,
    createLog('error', () => {}),
  )
  const response = await app.request('/readyz')
  expect((await app.request('/healthz')).status).toBe(200)
  // biome-ignore lint/suspicious/noExplicitAny: an untyped response that the test inspects
  return { status: response.status, body: (await response.json()) as any }
}

describe('readyz', () => {
  it('returns every backend with its kind', async () => {
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
          queue: NONE,
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
    ['records', ({ records }) => ({ records: { ...records, check: reject } })],
    ['cache', ({ cache }) => ({ cache: { ...cache, check: reject } })],
    ['scope_state', () => ({ scopeState: { ...createInProcessScopeState(bounds), check: reject } })],
    ['scope_lock', () => ({ scopeLock: { ...createInProcessScopeLock(), check: reject } })],
    ['queue', () => ({ queue: { kind: 'bullmq', check: reject } })],
  ])('reports %s as failed and the other backends as ok', async (name, change) => {
    const { status, body } = await readyz(change)
    const states = Object.entries(body.backends as Record<string, { status: string; error: string | null }>)
    expect({ status, word: body.status }).toEqual({ status: 503, word: 'unready' })
    expect(states.filter(([, state]) => state.status === 'failed')).toEqual([
      [name, expect.objectContaining({ error: 'redis at cache:6379: connect ECONNREFUSED' })],
    ])
  })

  it('reports a language model whose calls are suspended as failing, and stays ready', async () => {
    const failing = () => ({ since: Date.parse('2026-03-01T09:30:00Z'), error: 'llm: 500' })
    const model = { kind: 'm at llm', complete: reject as never, failing }
    expect(await readyz(() => ({ model }))).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        backends: {
          language_model: {
            kind: 'm at llm',
            status: 'failing',
            error: 'llm: 500',
            since: '2026-03-01T09:30:00.000Z',
          },
        },
      },
    })
  })

  it('waits at most two seconds for each backend', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const checks = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    const hang = (check: PromiseWithResolvers<void>) => () => {
      check.resolve()
      return new Promise<void>(() => {})
    }
    const answer = readyz(({ records, cache }) => ({
      records: { ...records, check: hang(checks[0]) },
      cache: { ...cache, check: hang(checks[1]) },
    }))
    await Promise.all(checks.map(({ promise }) => promise))
    await vi.advanceTimersByTimeAsync(2000)
    const { status, body } = await answer
    expect(status).toBe(503)
    expect(body.backends).toMatchObject({
      records: { status: 'failed', error: 'no response within 2000 ms' },
      cache: { status: 'failed', error: 'no response within 2000 ms' },
      scope_state: OK,
    })
  })
})

import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { tableModel } from '../../helpers/learning/buffer/model.ts'
import { said, type TestApp, type TestAppOptions, testApp } from '../../helpers/test-app.ts'
import { entry } from '../insight/ledger/helpers.ts'
import { readMetrics } from '../insight/metrics/read.ts'

const KEY = 'key-of-namespace-one'

async function scrape({ fetch }: Pick<TestApp, 'fetch'>, headers = {}) {
  const response = await fetch('/metrics', { headers })
  expect(response.status).toBe(200)
  return readMetrics(await response.text())
}

const open = (options: TestAppOptions = {}) => {
  const app = testApp(options)
  return { ...app, scrape: (headers = {}) => scrape(app, headers) }
}

describe('GET /metrics', () => {
  it('responds in the Prometheus text format with process metrics', async () => {
    const { fetch, scrape } = open()
    const response = await fetch('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const { value, names } = await scrape()
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(names).toContain('nodejs_eventloop_lag_seconds')
    expect(value('hippocache_info')).toBe(1)
  })

  it('requires a key only if keys are configured', async () => {
    const { fetch, scrape } = open({ apiKeys: [{ namespace: 'one', sha256: sha256Of(KEY) }] })
    expect((await fetch('/metrics')).status).toBe(401)
    expect((await fetch('/metrics', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
    expect((await scrape({ authorization: `Bearer ${KEY}` })).value('hippocache_info')).toBe(1)
    expect((await fetch('/healthz')).status).toBe(200)
  })

  it('is not in the OpenAPI document', async () => {
    const { call } = open()
    expect(Object.keys((await call('GET', '/openapi.json')).body.paths)).not.toContain('/metrics')
  })

  it('counts requests by route pattern, including failed ones', async () => {
    const { call, fetch, scrape } = open({ expectErrors: true })
    const { body } = await call('POST', '/v1/memories', said('I live in Kyoto.'))
    await call('GET', `/v1/memories/${body.events[0].id}?user_id=ada`)
    await call('GET', '/v1/memories/nobody-knows-me?user_id=ada')
    await call('GET', '/v1/memories')
    await call('GET', '/v1/nothing/here?user_id=ada')
    await fetch('/v1/memories', { method: 'BREW' })
    await fetch('/../../etc/passwd')
    await fetch('/healthz', { method: 'HEAD' })
    const { value, labelsOf } = await scrape()
    const count = (method: string, route: string, status: string) =>
      value('hippocache_http_requests_total', { method, route, status })
    expect(count('POST', '/v1/memories', '200')).toBe(1)
    expect(count('GET', '/v1/memories/:id', '200')).toBe(1)
    expect(count('GET', '/v1/memories/:id', '404')).toBe(1)
    expect(count('GET', '/v1/memories', '400')).toBe(1)
    expect(count('GET', 'none', '404')).toBe(2)
    expect(count('other', 'none', '405')).toBe(1)
    expect(value('hippocache_http_request_seconds_count', { route: '/v1/memories/:id' })).toBe(2)
    for (const { route = '' } of labelsOf('hippocache_http_requests_total'))
      expect(route).toMatch(/^(?:none|\/[a-z0-9_:/]*)$/)
  })

  it('counts requests that failed because of a backend', async () => {
    const { call, scrape } = open({
      expectErrors: true,
      wrapRecords: (records) => ({ ...records, get: () => Promise.reject(new Error('away')) }),
    })
    await call('GET', '/v1/memories/x?user_id=ada')
    const labels = { method: 'GET', route: '/v1/memories/:id', status: '500' }
    expect((await scrape()).value('hippocache_http_requests_total', labels)).toBe(1)
  })

  it('reports parts of recalls and searches, and cache reads', async () => {
    const { call, scrape, clock } = open()
    await call('POST', '/v1/memories', said('I live in Kyoto.'))
    await call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })
    await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'Kyoto' })
    await call('PUT', '/v1/cache/k', { value: 1, conversation_id: 'c', turn: 1, window_size: 2 })
    await call('GET', '/v1/cache/k?conversation_id=c&turn=2')
    await call('GET', '/v1/cache/k?conversation_id=c&turn=3')
    clock.advance(86_400_000)
    await call('GET', '/v1/cache/k')
    const { value } = await scrape()
    expect(value('hippocache_recall_seconds_count', { kind: 'recall', part: 'render' })).toBe(1)
    expect(value('hippocache_recall_seconds_count', { kind: 'search', part: 'total' })).toBe(1)
    const reads = ['hit', 'stale', 'miss'].map((status) => value('hippocache_cache_reads_total', { status }))
    expect(reads).toEqual([1, 1, 1])
    expect(value('hippocache_cache_reads_total', { reason: 'window' })).toBe(1)
  })

  it('reports pending turns and the outcomes of flushes', async () => {
    const model = tableModel({ 'in Leeds': [{ text: 'Ada lives in Leeds.', topic: 'basic_info' }] })
    const { call, scrape, clock } = open({ model })
    await call('POST', '/v1/memories', said('I live in Leeds.', { conversation_id: 'c' }))
    clock.advance(30_000)
    const before = await scrape()
    const waiting = ['turns', 'failed_turns', 'oldest_seconds'].map((name) =>
      before.value(`hippocache_pending_${name}`),
    )
    expect(waiting).toEqual([1, 0, 30])
    expect(before.value('hippocache_pending_tokens')).toBeGreaterThan(0)
    model.next(
      () => ({ text: 'I am sorry, Ada.' }),
      () => ({ text: 'I am sorry, Ada.' }),
    )
    await call('POST', '/v1/flush', { user_id: 'ada' })
    await call('POST', '/v1/flush', { user_id: 'ada' })
    const after = await scrape()
    expect(after.value('hippocache_pending_turns')).toBe(0)
    expect(after.value('hippocache_flushes_total', { reason: 'explicit', outcome: 'learned' })).toBe(1)
    expect(after.value('hippocache_flushes_total', { reason: 'explicit' })).toBe(2)
  })

  it('reports the model calls of the ledger', async () => {
    const { ledger, scrape } = open()
    ledger.record(entry())
    ledger.record(entry({ purpose: 'embed', model: 'e', tokensOut: 0 }))
    const { value } = await scrape()
    expect(value('hippocache_model_calls_total')).toBe(2)
    expect(value('hippocache_model_calls_total', { purpose: 'embed', model: 'e' })).toBe(1)
  })

  it('contains no user, conversation, key, namespace or text', async () => {
    const { call, fetch, ledger, scrape } = open({
      apiKeys: [{ namespace: 'space-x', sha256: sha256Of(KEY) }],
    })
    const auth = { authorization: `Bearer ${KEY}` }
    const ids = { user_id: 'user-x', conversation_id: 'conversation-x', app_id: 'app-x' }
    await call('POST', '/v1/memories', { ...said('I like x-rays.'), ...ids }, auth)
    await call('POST', '/v1/recall', { query: 'x-rays', ...ids }, auth)
    await call('GET', '/v1/cache/key-x', undefined, auth)
    await call('GET', '/v1/memories/memory-x?user_id=user-x', undefined, auth)
    ledger.record(entry({ namespace: 'space-x', user: 'user-x', conversationId: 'conversation-x' }))
    await scrape(auth)
    const text = await (await fetch('/metrics', { headers: auth })).text()
    expect(text).not.toMatch(/-x\b|x-rays/)
  })
})

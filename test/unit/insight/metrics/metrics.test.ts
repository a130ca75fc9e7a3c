import { describe, expect, it } from 'vitest'
import { createMetrics, type Sources } from '../../../../sidecar/insight/metrics/metrics.ts'
import { entry } from '../ledger/helpers.ts'
import { readMetrics } from './read.ts'

function open(sources: Partial<Sources> = {}) {
  const metrics = createMetrics({
    pending: () => undefined,
    lostRows: () => 0,
    lostExposures: () => 0,
    now: () => 0,
    ...sources,
  })
  return { ...metrics, read: async () => readMetrics(await metrics.registry.metrics()) }
}

describe('metrics', () => {
  it('count requests by route, method and status, and record their durations', async () => {
    const { request, read } = open()
    request('GET', '/v1/memories/:id', 200, 0.0004)
    request('GET', '/v1/memories/:id', 200, 0.3)
    request('GET', '/v1/memories/:id', 404, 70)
    const { value } = await read()
    const labels = { method: 'GET', route: '/v1/memories/:id' }
    expect(value('hippocache_http_requests_total', { ...labels, status: '200' })).toBe(2)
    expect(value('hippocache_http_requests_total', { ...labels, status: '404' })).toBe(1)
    const bucket = (le: string) => value('hippocache_http_request_seconds_bucket', { ...labels, le })
    expect(['0.0005', '0.25', '0.5', '60', '+Inf'].map(bucket)).toEqual([1, 1, 2, 2, 3])
  })

  it('record recalls by part, and no render time for searches', async () => {
    const { recall, read } = open()
    const took = { total: 12, embed: 8, search: 3, render: 1 }
    recall('recall', took, ['embedding'])
    recall('search', took, [])
    const { value, labelsOf } = await read()
    expect(value('hippocache_recall_seconds_sum', { kind: 'recall', part: 'embed' })).toBe(0.008)
    expect(labelsOf('hippocache_recall_seconds_count').map(({ kind, part }) => `${kind} ${part}`)).toEqual([
      ...['recall total', 'recall embed', 'recall search', 'recall render'],
      ...['search total', 'search embed', 'search search'],
    ])
    expect(value('hippocache_recall_degraded_total', { kind: 'recall', part: 'embedding' })).toBe(1)
  })

  it('read the number of lost timeline rows on every scrape', async () => {
    let lost = 0
    const { read } = open({ lostRows: () => lost })
    const name = 'hippocache_timeline_rows_lost_total'
    expect((await read()).value(name)).toBe(0)
    lost = 7
    expect((await read()).value(name)).toBe(7)
  })

  it('count model calls by purpose, model and outcome, with their tokens', async () => {
    const { call, read } = open()
    call(entry({ tokensIn: 1000, tokensOut: 100, tokensCached: 400, latencyMs: 800 }))
    call(entry({ tokensIn: 10, tokensOut: 1, latencyMs: 50 }))
    call(entry({ outcome: 'timeout', tokensIn: 0, tokensOut: 0 }))
    call(entry({ purpose: 'embed', model: 'e', tokensIn: 7, tokensOut: 0 }))
    const { value } = await read()
    const labels = { purpose: 'extract', model: 'gpt-4o-mini' }
    expect(value('hippocache_model_calls_total', { ...labels, outcome: 'ok' })).toBe(2)
    expect(value('hippocache_model_calls_total', { ...labels, outcome: 'timeout' })).toBe(1)
    expect(value('hippocache_model_tokens_total', { ...labels, kind: 'in' })).toBe(1010)
    expect(value('hippocache_model_tokens_total', { ...labels, kind: 'out' })).toBe(101)
    expect(value('hippocache_model_tokens_total', { ...labels, kind: 'cached' })).toBe(400)
    expect(value('hippocache_model_call_seconds_count', { purpose: 'extract' })).toBe(3)
    expect(value('hippocache_model_calls_total', { purpose: 'embed', model: 'e', outcome: 'ok' })).toBe(1)
  })

  it('have at most 20 model labels and map other models to "other"', async () => {
    const { call, read } = open()
    for (let i = 0; i < 50; i++) call(entry({ model: `model-${i}` }))
    call(entry({ model: 'model-19' }))
    const { value, labelsOf } = await read()
    expect(labelsOf('hippocache_model_calls_total')).toHaveLength(21)
    const of = (model: string) =>
      value('hippocache_model_calls_total', { purpose: 'extract', model, outcome: 'ok' })
    expect(['model-0', 'model-19', 'model-20', 'other'].map(of)).toEqual([1, 2, undefined, 30])
  })

  it('accept invalid token counts of a provider', async () => {
    const { call, read } = open()
    call(entry({ tokensIn: Number.NaN, tokensOut: -1, tokensCached: 0, latencyMs: Number.NaN }))
    const { value } = await read()
    expect(value('hippocache_model_calls_total', { outcome: 'ok' })).toBe(1)
    expect(value('hippocache_model_tokens_total', { kind: 'in' })).toBe(0)
    expect(value('hippocache_model_tokens_total', { kind: 'out' })).toBe(0)
  })

  it('count flushes and their turns by reason and outcome', async () => {
    const { flush, read } = open()
    flush('idle', 'learned', 4)
    flush('idle', 'learned', 3)
    flush('retry', 'timeout', 2)
    const { value } = await read()
    expect(value('hippocache_flushes_total', { reason: 'idle', outcome: 'learned' })).toBe(2)
    expect(value('hippocache_flushes_total', { reason: 'retry', outcome: 'timeout' })).toBe(1)
    expect(value('hippocache_flushed_turns_total', { outcome: 'learned' })).toBe(7)
    expect(value('hippocache_flushed_turns_total', { reason: 'retry', outcome: 'timeout' })).toBe(2)
  })
})

describe('values read on scrape', () => {
  it('are current', async () => {
    let turns = 2
    let oldestAt: number | null = 1000
    const { read } = open({
      pending: async () => ({ turns, failed: 1, tokens: 30, oldestAt }),
      now: () => 61_000,
    })
    const numbers = async () => {
      const { value } = await read()
      const names = ['pending_turns', 'pending_failed_turns', 'pending_tokens', 'pending_oldest_seconds']
      return names.map((name) => value(`hippocache_${name}`))
    }
    expect(await numbers()).toEqual([2, 1, 30, 60])
    turns = 0
    oldestAt = null
    expect(await numbers()).toEqual([0, 1, 30, 0])
  })

  it('omit pending turns without a language model', async () => {
    const { labelsOf } = await open().read()
    expect(labelsOf('hippocache_pending_turns')).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import type { Experiment } from '../../../../sidecar/experiments/model.ts'
import type { ArmAnswer } from '../../../../sidecar/experiments/online/exposure.ts'
import { Shadow } from '../../../../sidecar/experiments/online/shadow.ts'
import type { ComparisonRow } from '../../../../sidecar/experiments/online/summary.ts'
import {
  NO_CACHE,
  NO_TIME,
  type StrategyRequest,
  type StrategyResult,
} from '../../../../sidecar/retrieval/strategies/request.ts'
import { place } from './helpers.ts'

const SCOPE = { namespace: 'default', userId: 'ada' }

const experiment = (...names: string[]): Experiment => ({
  ...{ name: 'e', status: 'running', unit: 'conversation', outcome: 'thumbs', shadow_share: 1, salt: 'salt' },
  ...{ created_at: 0, started_at: 0, stopped_at: null },
  arms: names.map((name) => ({ name, weight: 1, strategy: name === 'per_query' ? 'per_query' : 'cached' })),
})

function result(ids: string, rest: Partial<StrategyResult> = {}): StrategyResult {
  const memories = [...ids].map((id, i) => ({ memory: { id } as never, score: 1 - i / 100 }))
  const texts = { context: ids, block: '', delta: ids }
  return {
    strategy: 'per_query',
    ...texts,
    tokens: 10,
    memories,
    cache: NO_CACHE,
    degraded: [],
    tookMs: NO_TIME,
    ...rest,
  }
}

function open(recall: (request: StrategyRequest) => StrategyResult, recallMs = 0) {
  const timers: { run: () => void; ms: number }[] = []
  const rows: ComparisonRow[] = []
  const effects: string[] = []
  const requests: StrategyRequest[] = []
  let time = 0
  const shadow = new Shadow({
    strategies: {
      recall: async (_, request) => {
        requests.push(request)
        time += recallMs
        return recall(request)
      },
    },
    onComparison: (_, row) => rows.push(row),
    onEffect: (effect) => effects.push(effect),
    clock: () => time,
    timers: {
      setTimeout: ((run: () => void, ms: number) => {
        timers.push({ run, ms })
        return {} as NodeJS.Timeout
      }) as unknown as typeof setTimeout,
      clearTimeout: (() => {}) as typeof clearTimeout,
    },
  })
  return {
    ...{ shadow, rows, effects, requests, timers },
    add(served: StrategyResult, of = experiment('cached', 'per_query'), arm = 'cached') {
      const request: StrategyRequest = {
        ...{
          query: 'q',
          strategy: 'auto',
          topK: 2,
          tokenBudget: 100,
          conversationId: 'c',
          turn: 3,
          windowSize: 5,
        },
      }
      const answer: ArmAnswer = { scope: SCOPE, original: request, request, result: served, arm, at: 5 }
      shadow.add({ place: place('c'), experiment: of, served: answer })
    },
    /** Runs the next timer, and returns its delay. */
    async step(): Promise<number | undefined> {
      const next = timers.shift()
      next?.run()
      for (let i = 0; i < 20; i++) await Promise.resolve()
      return next?.ms
    },
    advance: (ms: number) => {
      time += ms
    },
  }
}

describe('a shadow answer', () => {
  it('is compared with the injected answer, by age where it is per_query', async () => {
    const app = open(() => result('abc'))
    app.add(result('xb', { cache: { ...NO_CACHE, result: 'hit', reason: 'hit', age_turns: 4 } }))
    await app.step()
    expect(app.effects).toEqual(['compared'])
    expect(app.rows).toEqual([
      {
        ...{ kind: 'comparison', id: expect.any(String), arm: 'cached', at: 5, other: 'per_query' },
        ...{ overlap: 0.5, rbo: expect.any(Number), missed: 2, tokens: 10, age: 4 },
      },
    ])
    expect(app.requests).toMatchObject([{ strategy: 'per_query', shadow: 'per_query', arm: 'e/per_query' }])
  })

  it('is made by every other arm', async () => {
    const app = open(({ strategy }) => result('a', { strategy: strategy as 'cached' }))
    app.add(result('a'), experiment('cached', 'per_query', 'other'), 'per_query')
    await app.step()
    expect(app.rows.map(({ other, age }) => ({ other, age }))).toEqual([
      { other: 'cached', age: null },
      { other: 'other', age: null },
    ])
  })

  it('is left out when it is degraded or fails', async () => {
    const app = open(({ arm }) => {
      if (arm === 'e/other') throw new Error('down')
      return result('a', { degraded: ['embedding'] })
    })
    app.add(result('a'), experiment('cached', 'per_query', 'other'))
    await app.step()
    expect(app.rows).toEqual([])
    expect(app.effects).toEqual(['degraded', 'failed'])
  })
})

describe('the budget of shadow answers', () => {
  it('runs one turn at a time, for a tenth of the time', async () => {
    const app = open(() => result('a'), 40)
    for (let i = 0; i < 3; i++) app.add(result('a'))
    const delays = [await app.step(), await app.step(), await app.step(), await app.step()]
    expect(delays).toEqual([0, 360, 360, undefined])
    expect(app.rows).toHaveLength(3)
  })

  it('drops turns beyond 32, and those that have waited for 30 seconds', async () => {
    const app = open(() => result('a'))
    for (let i = 0; i < 33; i++) app.add(result('a'))
    expect(app.effects).toEqual(['dropped'])
    app.advance(30_001)
    while ((await app.step()) !== undefined);
    expect(app.effects).toHaveLength(33)
    expect(app.rows).toEqual([])
  })

  it('makes none after it was closed', async () => {
    const app = open(() => result('a'))
    app.add(result('a'))
    await app.shadow.close()
    await app.step()
    app.add(result('a'))
    expect(app.rows).toEqual([])
    expect(app.timers).toEqual([])
  })
})

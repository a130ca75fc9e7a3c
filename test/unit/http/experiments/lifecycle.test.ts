import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { parseApiKeys } from '../../../../sidecar/http/access/api-keys.ts'
import { said, type TestApp, testApp } from '../../../helpers/test-app.ts'
import { readMetrics } from '../../insight/metrics/read.ts'

const PATH = '/v1/experiments'
const QUERY = 'Where does Ada live?'
const ARMS = [
  { name: 'per_query', strategy: 'per_query' },
  { name: 'cached', strategy: 'cached_delta' },
]

function open(rest: object = {}) {
  const app = testApp()
  const create = async (more: object = {}) =>
    await app.call('POST', PATH, { name: 'e', arms: ARMS, shadow_share: 0, ...rest, ...more })
  return {
    ...app,
    create,
    recall: recallWith(app),
    view: async () => (await app.call('GET', `${PATH}/e`)).body,
  }
}

function recallWith({ call }: Pick<TestApp, 'call'>) {
  return async (rest: object = {}) => {
    const request = {
      query: QUERY,
      user_id: 'ada',
      conversation_id: 'c',
      turn: 1,
      window_size: 5,
    }
    const { status, body } = await call('POST', '/v1/recall', { ...request, experiment: 'e', ...rest })
    expect(status).toBe(200)
    return body
  }
}

describe('a recall without an arm', () => {
  it.each([
    ['the experiment is unknown', undefined, [], {}, 'unknown'],
    ['no experiment is named', {}, [], { experiment: undefined, strategy: 'experiment' }, 'unknown'],
    ['the experiment is a draft', { start: false }, [], {}, 'draft'],
    ['the experiment is paused', {}, ['pause'], {}, 'paused'],
    ['the experiment is stopped', {}, ['stop'], {}, 'stopped'],
    ['there is no conversation', {}, [], { conversation_id: undefined }, 'no_unit'],
  ])('is answered by auto when %s', async (_, create, actions, rest, reason) => {
    const app = open()
    if (create) await app.create(create)
    for (const action of actions) await app.call('POST', `${PATH}/e/${action}`)
    const body = await app.recall({ strategy: 'experiment', ...rest })
    expect(body.experiment).toEqual({ name: 'experiment' in rest ? '' : 'e', arm: '', reason })
    expect(body.strategy).toBe(reason === 'no_unit' ? 'per_query' : 'cached_delta')
  })

  it.each(['', ' ', '..', 'a/b', '😀', 'x'.repeat(5000)])(
    'is answered when the name can be none of an experiment: %j',
    async (experiment) => {
      const body = await open().recall({ strategy: 'experiment', experiment })
      expect(body.experiment).toMatchObject({ arm: '', reason: 'unknown' })
      expect(body.experiment.name.length).toBeLessThanOrEqual(256)
    },
  )

  it('is answered by the strategy of the request', async () => {
    const app = open()
    expect(await app.recall({ strategy: 'cached' })).toMatchObject({
      strategy: 'cached',
      experiment: { reason: 'unknown' },
    })
  })

  it('is answered when the arm cannot be stored', async () => {
    const app = testApp({
      wrapRecords: (records) => ({
        ...records,
        commit: async (writes) => {
          if (writes.some(({ collection, scope }) => collection === 'experiments' && scope.includes('//'))) {
            throw new Error('disk full')
          }
          await records.commit(writes)
        },
      }),
    })
    await app.call('POST', PATH, { name: 'e', arms: ARMS })
    expect((await recallWith(app)()).experiment).toEqual({ name: 'e', arm: '', reason: 'unavailable' })
  })

  it('has no experiment in its answer when none is named', async () => {
    const app = open()
    expect((await app.recall({ experiment: undefined })).experiment).toBeNull()
  })
})

describe('an experiment', () => {
  it('keeps the arm of its units while it is paused, and when weights change', async () => {
    const app = open()
    await app.create({
      arms: [
        { ...ARMS[0], weight: 1000 },
        { ...ARMS[1], weight: 0.001 },
      ],
    })
    expect((await app.recall()).experiment.arm).toBe('per_query')
    const changed = {
      arms: [
        { name: 'per_query', weight: 0.001 },
        { name: 'cached', weight: 1000 },
      ],
    }
    expect((await app.call('PATCH', `${PATH}/e`, changed)).status).toBe(200)
    expect((await app.recall({ turn: 2 })).experiment.arm).toBe('per_query')
    expect((await app.recall({ conversation_id: 'd' })).experiment.arm).toBe('cached')
    await app.call('POST', `${PATH}/e/pause`)
    expect((await app.recall({ turn: 3 })).experiment).toMatchObject({ arm: 'per_query', reason: 'assigned' })
    expect((await app.recall({ conversation_id: 'new' })).experiment.reason).toBe('paused')
    await app.call('POST', `${PATH}/e/start`)
    expect((await app.recall({ conversation_id: 'new' })).experiment.arm).toBe('cached')
    expect(await app.view()).toMatchObject({ units: 3, turns: 5 })
  })

  it('assigns users where its unit is the user', async () => {
    const app = open()
    await app.create({ unit: 'user' })
    const arms = [
      await app.recall({ conversation_id: undefined }),
      await app.recall({ conversation_id: 'c' }),
      await app.recall({ conversation_id: 'd' }),
    ].map(({ experiment }) => experiment.arm)
    expect(new Set(arms).size).toBe(1)
    expect(await app.view()).toMatchObject({ units: 1, turns: 3 })
  })

  it('counts a repeated turn once, and another query of the same turn again', async () => {
    const app = open()
    await app.create()
    for (let i = 0; i < 3; i++) await app.recall()
    expect(await app.view()).toMatchObject({ turns: 1 })
    await app.recall({ query: 'Where does Ada work?' })
    await app.recall()
    expect(await app.view()).toMatchObject({ turns: 2 })
  })

  it('cannot be started after it was stopped, nor have its arms renamed', async () => {
    const app = open()
    await app.create()
    const renamed = await app.call('PATCH', `${PATH}/e`, { arms: [{ name: 'cache', weight: 1 }] })
    expect(renamed.status).toBe(400)
    expect(renamed.body.error.message).toBe(
      'arms[0].name: expected one of per_query, cached (arms cannot be renamed, added or removed; create another experiment instead), got "cache"',
    )
    expect((await app.call('POST', `${PATH}/e/stop`)).body.status).toBe('stopped')
    const { status, body } = await app.call('POST', `${PATH}/e/start`)
    expect({ status, message: body.error.message }).toEqual({
      status: 409,
      message: '"e" has been stopped; create another experiment instead',
    })
    expect((await app.call('POST', `${PATH}/none/start`)).status).toBe(404)
  })

  it('is absent after its deletion, and a new one can use the same name', async () => {
    const app = open()
    await app.create()
    await app.recall()
    expect((await app.call('DELETE', `${PATH}/e`)).body).toEqual({ status: 'deleted', name: 'e' })
    expect((await app.recall({ turn: 2 })).experiment.reason).toBe('unknown')
    expect((await app.call('GET', `${PATH}/e`)).status).toBe(404)
    await app.create()
    expect(await app.view()).toMatchObject({ units: 0, turns: 0 })
  })

  it('continues when the clock is set back', async () => {
    const app = open()
    await app.create()
    const { arm } = (await app.recall()).experiment
    app.clock.advance(-3_600_000)
    expect((await app.recall({ turn: 2 })).experiment.arm).toBe(arm)
    expect((await app.recall({ conversation_id: 'd' })).experiment.reason).toBe('assigned')
    const weights = { arms: [{ name: 'cached', weight: 3 }] }
    expect((await app.call('PATCH', `${PATH}/e`, weights)).status).toBe(200)
    const { body } = await app.call('POST', `${PATH}/e/stop`)
    expect(body).toMatchObject({ units: 2, turns: 3, started_at: body.stopped_at })
    expect((await app.call('GET', `${PATH}/e/report`)).body).toMatchObject({ units: 2, turns: 3 })
  })

  it('belongs to its namespace', async () => {
    const key = (name: string) => ({ authorization: `Bearer ${name}-secret-of-32-characters-here` })
    const apiKeys = parseApiKeys('a:a-secret-of-32-characters-here,b:b-secret-of-32-characters-here')
    const { call } = testApp({ apiKeys })
    expect((await call('POST', PATH, { name: 'e', arms: ARMS }, key('a'))).status).toBe(200)
    expect((await call('GET', `${PATH}/e`, undefined, key('b'))).status).toBe(404)
    const body = { query: 'x', user_id: 'ada', conversation_id: 'c', turn: 1, experiment: 'e' }
    expect((await call('POST', '/v1/recall', body, key('b'))).body.experiment.reason).toBe('unknown')
  })

  it('reports as JSON, CSV and Markdown', async () => {
    const app = open()
    await app.create()
    await app.recall()
    const { body } = await app.call('GET', `${PATH}/e/report`)
    expect(body).toMatchObject({ experiment: 'e', units: 1, turns: 1, baseline: 'per_query' })
    const csv = await app.fetch(`${PATH}/e/report?format=csv`)
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    const markdown = await (
      await app.fetch(`${PATH}/e/report?format=markdown&price_per_million_tokens=0.15`)
    ).text()
    expect(markdown).toContain('per_query')
    expect((await app.call('GET', `${PATH}/e/report?format=pdf`)).status).toBe(400)
    expect((await app.call('GET', `${PATH}/e/report?margin=x`)).status).toBe(400)
  })
})

describe('the erasure of a user', () => {
  it('removes the user from units and keeps the sums', async () => {
    const app = open()
    await app.create()
    await app.recall({ user_id: 'eve-7', conversation_id: 'talk-42' })
    await app.recall()
    const forgotten = await app.call('DELETE', '/v1/memories?user_id=eve-7')
    expect(forgotten.body.removed).toMatchObject({ experiments: 1 })
    expect(await app.view()).toMatchObject({ units: 2, turns: 2 })
    const { records } = app.services
    for (const scope of await records.scopes('experiments', { limit: 100 })) {
      for (const record of await records.scroll('experiments', scope, { limit: 100 })) {
        expect(JSON.stringify(record)).not.toMatch(/eve-7|talk-42/)
      }
    }
    await app.recall({ user_id: 'eve-7', conversation_id: 'talk-42', turn: 2 })
    expect(await app.view()).toMatchObject({ units: 3, turns: 3 })
  })
})

describe('the arm of a recall', () => {
  it('is in the timeline and in the metrics', async () => {
    const app = open()
    await app.create()
    await app.call('POST', '/v1/memories', said('I live in Kyoto.', { conversation_id: 'x', turn: 1 }))
    const { experiment, strategy, tokens, cache } = await app.recall()
    await app.recall({ experiment: undefined, strategy: 'per_query', turn: 2 })
    const { body } = await app.call('GET', '/v1/conversations/c/timeline?user_id=ada')
    const arms = body.turns.map(({ recalls }: { recalls: { arm: string }[] }) =>
      recalls.map(({ arm }) => arm),
    )
    expect(arms).toEqual([[null], [`e/${experiment.arm}`]])
    const { value } = readMetrics(await (await app.fetch('/metrics')).text())
    expect(value('hippocache_exposures_total', { experiment: 'e', arm: experiment.arm })).toBe(1)
    const labels = { strategy, result: cache.result, reason: cache.reason }
    expect(value('hippocache_recalls_total', labels)).toBe(strategy === 'per_query' ? 2 : 1)
    expect(value('hippocache_injected_tokens_total', { strategy })).toBeGreaterThanOrEqual(tokens)
    expect(value('hippocache_exposures_lost_total')).toBe(0)
  })

  it('is in the ledger with the conversation and the turn of the embedding call', async () => {
    const accounts: unknown[] = []
    const embedder = lexicalEmbedder()
    const app = testApp({
      embedder: {
        ...embedder,
        name: embedder.name,
        dimensions: embedder.dimensions,
        embed: async (texts, purpose, signal, account) => {
          // The embedder is also measured with texts of no user.
          if (purpose === 'query' && texts.includes(QUERY)) accounts.push(account)
          return await embedder.embed(texts, purpose, signal, account)
        },
      },
    })
    await app.call('POST', PATH, { name: 'e', arms: ARMS, shadow_share: 0 })
    const { experiment } = await recallWith(app)({ turn: 7 })
    const account = { scope: 'default/ada', conversationId: 'c', turn: 7, arm: `e/${experiment.arm}` }
    expect(accounts.length).toBeGreaterThan(0)
    expect(accounts).toEqual(accounts.map(() => account))
  })
})

describe('billed tokens', () => {
  const only = (name: string) => ARMS.map((arm) => ({ ...arm, weight: arm.name === name ? 1000 : 0.001 }))

  it.each(['per_query', 'cached'])(
    'count a tenth for the prefix that the previous turn had: %s',
    async (name) => {
      const app = open({ arms: only(name) })
      await app.create()
      for (let i = 0; i < 5; i++) {
        await app.call('POST', '/v1/memories', said(`I have a cat called Momo number ${i}.`))
      }
      for (const turn of [1, 2, 3, 4]) {
        expect((await app.recall({ turn, query: `What is cat ${turn} called?` })).experiment.arm).toBe(name)
      }
      const { body } = await app.call('GET', `${PATH}/e/report`)
      const arm = body.arms.find((one: { name: string }) => one.name === name)
      const [tokens, billed] = [arm.tokens_per_turn.value, arm.billed_tokens_per_turn.value]
      expect(tokens).toBeGreaterThan(20)
      if (name === 'per_query')
        expect({ billed, reuse: arm.prefix_reuse }).toEqual({ billed: tokens, reuse: 0 })
      else {
        expect(billed).toBeCloseTo(tokens * (1 - 0.9 * arm.prefix_reuse), 6)
        expect(arm.prefix_reuse).toBeGreaterThan(0.5)
      }
    },
  )
})

it('are in the metrics of their own namespace only', async () => {
  const keys = { one: 'a'.repeat(20), two: 'b'.repeat(20) }
  const { call, fetch } = testApp({ apiKeys: parseApiKeys(`one:${keys.one},two:${keys.two}`) })
  const as = (key: string) => ({ authorization: `Bearer ${key}` })
  await call('POST', PATH, { name: 'e', arms: ARMS, shadow_share: 0 }, as(keys.one))
  const place = { user_id: 'ada', conversation_id: 'c', turn: 1 }
  await call('POST', '/v1/recall', { query: QUERY, ...place, experiment: 'e' }, as(keys.one))
  await call('POST', '/v1/outcomes', { ...place, name: 'secret', value: 1 }, as(keys.one))
  const metricsOf = async (key: string) => await (await fetch('/metrics', { headers: as(key) })).text()
  expect(await metricsOf(keys.one)).toMatch(/hippocache_outcomes\{experiment="e",arm="\w+",name="secret"\} 1/)
  expect(await metricsOf(keys.two)).not.toMatch(/experiment="e"|secret/)
})

it('go on when the clock goes back: weights, units, outcomes and the end stay in order', async () => {
  const app = open()
  app.clock.advance(10_000)
  await app.create()
  const place = { user_id: 'ada', conversation_id: 'c', turn: 1 }
  await app.recall()
  app.clock.advance(-9_000)
  await app.call('PATCH', `${PATH}/e`, { arms: [{ name: 'cached', weight: 3 }] })
  await app.recall({ turn: 2 })
  await app.recall({ conversation_id: 'd' })
  expect((await app.call('POST', '/v1/outcomes', { ...place, name: 'thumbs', value: 1 })).status).toBe(200)
  const { body: stopped } = await app.call('POST', `${PATH}/e/stop`)
  expect(Date.parse(stopped.stopped_at)).toBeGreaterThanOrEqual(Date.parse(stopped.started_at))
  const { status, body } = await app.call('GET', `${PATH}/e/report`)
  expect({ status, units: body.units, turns: body.turns }).toEqual({ status: 200, units: 2, turns: 3 })
  const expected = body.sample_ratio.arms.map((arm: { expected: number }) => arm.expected)
  expect(expected[0] + expected[1]).toBeCloseTo(2)
})

describe('names', () => {
  it('of arms may be those of properties of every object', async () => {
    const app = open()
    const arms = [
      { name: 'constructor', strategy: 'per_query' },
      { name: 'toString', strategy: 'cached' },
    ]
    expect((await app.create({ arms })).body).toMatchObject({ units: 0, turns: 0 })
    await app.recall()
    const { units, turns, arms: counted } = await app.view()
    expect({ units, turns }).toEqual({ units: 1, turns: 1 })
    expect(counted.map((arm: { units: number }) => arm.units).sort()).toEqual([0, 1])
  })

  it('are the same however their letters are composed', async () => {
    const app = open()
    await app.create({ name: 'caf\u00e9' })
    expect((await app.create({ name: 'cafe\u0301' })).status).toBe(409)
    expect((await app.recall({ experiment: 'cafe\u0301' })).experiment.reason).toBe('assigned')
    expect((await app.call('GET', `${PATH}/${encodeURIComponent('cafe\u0301')}`)).status).toBe(200)
  })

  it('of arms are refused when a change gives one twice', async () => {
    const app = open()
    await app.create()
    const arms = [2, 5].map((weight) => ({ name: 'cached', weight }))
    const { status, body } = await app.call('PATCH', `${PATH}/e`, { arms })
    expect({ status, message: body.error.message }).toEqual({
      status: 400,
      message: 'arms[1].name: expected each name once, got "cached"',
    })
  })
})

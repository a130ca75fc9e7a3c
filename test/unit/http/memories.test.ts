import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('POST /v1/memories', () => {
  it('returns the stored turn and its events', async () => {
    const { call } = testApp()
    const { status, body } = await call(
      'POST',
      '/v1/memories',
      said('I moved to Kyoto. I am allergic to peanuts.'),
    )
    expect(status).toBe(200)
    expect(body).toEqual({
      status: 'stored',
      change: 'added',
      turn_id: expect.stringMatching(UUID),
      turn: null,
      events: expect.arrayContaining([
        { event: 'ADD', id: expect.stringMatching(UUID), memory: expect.stringContaining('Kyoto') },
      ]),
      abandoned_turns: 0,
      pending: { turns: 0, tokens: 0 },
      degraded: [],
      reason: null,
      took_ms: expect.any(Number),
    })
  })

  it('stores every field of a turn', async () => {
    const { call, clock } = testApp()
    const turn = {
      user_id: 'ada',
      conversation_id: 'c-7',
      turn: 3,
      agent_id: 'agent',
      run_id: 'run',
      app_id: 'app',
      metadata: { channel: 'web', n: 0, yes: false, nothing: null, tags: ['a', 1] },
      mode: 'verbatim',
      messages: [
        { role: 'user', name: 'Ada', content: 'I live in Kyoto.', at: '2026-02-01T10:00:00.5+09:00' },
      ],
    }
    const added = await call('POST', '/v1/memories', turn)
    const [{ id }] = added.body.events
    const { body } = await call('GET', `/v1/memories/${id}?user_id=ada`)
    const now = new Date(clock.now()).toISOString()
    const at = '2026-02-01T10:00:00.500+09:00'
    expect(body).toEqual({
      id,
      memory: 'I live in Kyoto.',
      user_id: 'ada',
      role: 'user',
      speaker: 'Ada',
      kind: 'verbatim',
      tier: 'mid',
      topic: null,
      sub_topic: null,
      importance: null,
      event_date: null,
      version: 1,
      conversation_id: 'c-7',
      turn: 3,
      at,
      sources: [{ conversation_id: 'c-7', turn: 3, turn_id: added.body.turn_id, at }],
      agent_id: 'agent',
      run_id: 'run',
      app_id: 'app',
      metadata: turn.metadata,
      valid_from: '2026-02-01T01:00:00.500Z',
      valid_until: null,
      // The default of run_retention_days is 30.
      expires_at: '2026-03-03T01:00:00.500Z',
      created_at: now,
      updated_at: now,
    })
  })

  it('stores one turn for repeated requests with one Idempotency-Key', async () => {
    const { call } = testApp()
    const turn = said('I live in Kyoto.', { conversation_id: 'c' })
    const first = await call('POST', '/v1/memories', turn, { 'idempotency-key': 'k1' })
    const again = await call('POST', '/v1/memories', turn, { 'Idempotency-Key': 'k1' })
    const other = await call('POST', '/v1/memories', turn, { 'idempotency-key': 'k2' })
    expect([first, again, other].map(({ body }) => body.turn)).toEqual([1, 1, 2])
    expect(again.body.turn_id).toBe(first.body.turn_id)
  })

  it('accepts a turn without a memory', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', '/v1/memories', said(''))
    expect({ status, events: body.events }).toEqual({ status: 200, events: [] })
  })
})

describe('GET /v1/memories', () => {
  it('lists newest first, each memory on exactly one page', async () => {
    const { call, clock } = testApp()
    for (let i = 0; i < 7; i++) {
      await call('POST', '/v1/memories', said(`My lucky number is ${i}00.`))
      // Two memories per millisecond.
      clock.advance(i % 2)
    }
    const all = await call('GET', '/v1/memories?user_id=ada')
    expect(all.body.next_cursor).toBeNull()
    const ids = all.body.memories.map(({ id }: { id: string }) => id)
    expect(new Set(ids).size).toBe(7)
    expect(all.body.memories[0].memory).toContain('600')
    for (const [order, expected] of [
      ['newest', ids],
      ['oldest', ids.toReversed()],
    ] as const) {
      const paged: string[] = []
      let cursor = ''
      do {
        const { status, body } = await call('GET', `/v1/memories?user_id=ada&limit=3&order=${order}${cursor}`)
        expect(status).toBe(200)
        paged.push(...body.memories.map(({ id }: { id: string }) => id))
        cursor = body.next_cursor === null ? '' : `&cursor=${encodeURIComponent(body.next_cursor)}`
      } while (cursor !== '' && paged.length < 20)
      expect(paged).toEqual(expected)
    }
  })

  it('filters by agent, run, app and conversation', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I live in Kyoto.', { agent_id: 'a', conversation_id: 'c1' }))
    await call('POST', '/v1/memories', said('I work in Osaka.', { run_id: 'r', conversation_id: 'c2' }))
    await call('POST', '/v1/memories', said('I was born in Nara.', { app_id: '*' }))
    const texts = async (narrowing: string) => {
      const { body } = await call('GET', `/v1/memories?user_id=ada&order=oldest&${narrowing}`)
      return body.memories.map(({ memory }: { memory: string }) => memory)
    }
    expect(await texts('agent_id=a')).toEqual(['I live in Kyoto.'])
    expect(await texts('run_id=r')).toEqual(['I work in Osaka.'])
    expect(await texts('app_id=*')).toEqual(['I was born in Nara.'])
    expect(await texts('agent_id=*')).toEqual([])
    expect(await texts('conversation_id=c2')).toEqual(['I work in Osaka.'])
    expect(await texts('conversation_id=c2&agent_id=a')).toEqual([])
  })

  it('returns an empty page for an unknown user', async () => {
    const { call } = testApp()
    expect((await call('GET', '/v1/memories?user_id=nobody')).body).toEqual({
      memories: [],
      next_cursor: null,
    })
  })
})

describe('DELETE /v1/memories/{id}', () => {
  it('returns the deleted memory and removes it from every read', async () => {
    const { call } = testApp()
    const added = await call('POST', '/v1/memories', said('I live in Kyoto.'))
    const [{ id }] = added.body.events
    expect((await call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })).body.count).toBe(1)
    const { status, body } = await call('DELETE', `/v1/memories/${id}?user_id=ada`)
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'deleted', memory: { id, memory: 'I live in Kyoto.' } },
    })
    expect((await call('GET', `/v1/memories/${id}?user_id=ada`)).status).toBe(404)
    expect((await call('DELETE', `/v1/memories/${id}?user_id=ada`)).status).toBe(404)
    expect((await call('GET', '/v1/memories?user_id=ada')).body.memories).toEqual([])
    expect((await call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })).body.count).toBe(0)
    expect(
      (await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'Kyoto' })).body.memories,
    ).toEqual([])
  })
})

describe('POST /v1/memories/search', () => {
  it('returns memories with scores, best first', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I live in Kyoto.'))
    await call('POST', '/v1/memories', said('I am allergic to peanuts.'))
    const { status, body } = await call('POST', '/v1/memories/search', {
      user_id: 'ada',
      query: 'peanuts',
      explain: true,
    })
    expect(status).toBe(200)
    expect(body).toEqual({ memories: expect.any(Array), degraded: [], took_ms: expect.any(Number) })
    expect(body.memories[0]).toMatchObject({
      memory: 'I am allergic to peanuts.',
      user_id: 'ada',
      score: expect.any(Number),
      parts: expect.any(Object),
    })
    const scores = body.memories.map(({ score }: { score: number }) => score)
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a))
  })

  it.each([
    [
      'en',
      'I keep bees in my garden.',
      'This morning the report from the office said that shipping costs rose again because carriers cancelled sailings and ports stayed congested. Anyway, what do you remember about the bees in my garden?',
    ],
    [
      'de',
      'Ich halte Bienen im Garten.',
      'Heute früh stand im Bericht des Büros, dass die Frachtkosten wieder gestiegen sind, weil Reedereien Fahrten gestrichen haben und die Häfen verstopft sind. Was weißt du noch über die Bienen im Garten?',
    ],
  ])('answers a short question at the end of a long message (%s)', async (_language, memory, query) => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said(memory))
    const { body } = await call('POST', '/v1/memories/search', { user_id: 'ada', query })
    expect(body.memories.map(({ memory }: { memory: string }) => memory)).toEqual([memory])
  })

  it('finds nothing for a long message that shares no word with a memory', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I keep bees in my garden.'))
    const query =
      'This morning the report from the office said that shipping costs rose again because carriers cancelled sailings and ports stayed congested.'
    const { body } = await call('POST', '/v1/memories/search', { user_id: 'ada', query })
    expect(body.memories).toEqual([])
  })

  it('applies top_k, threshold and filters', async () => {
    const { call } = testApp()
    for (const [channel, text] of [
      ['web', 'I live in Kyoto.'],
      ['app', 'I love Kyoto.'],
      ['web', 'I like tea.'],
    ] as const) {
      await call('POST', '/v1/memories', said(text, { metadata: { channel } }))
    }
    const search = async (rest: object) => {
      const { body } = await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'Kyoto', ...rest })
      return body.memories.map(({ memory }: { memory: string }) => memory)
    }
    expect(await search({ top_k: 1 })).toHaveLength(1)
    expect(await search({ threshold: 1 })).toEqual([])
    expect(await search({ filters: { 'metadata.channel': 'app' } })).toEqual(['I love Kyoto.'])
    expect(await search({ filters: { NOT: { 'metadata.channel': 'web' } } })).toEqual(['I love Kyoto.'])
    expect(await search({ filters: { 'metadata.channel': '*' } })).toEqual([])
  })
})

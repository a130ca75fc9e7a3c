import { describe, expect, it } from 'vitest'
import { testApp } from '../../../helpers/test-app.ts'

const PEANUTS = { id: 'm1', memory: 'Ada is allergic to peanuts.', created_at: '2025-06-02T10:00:00Z' }
const LEEDS = {
  id: 'm2',
  memory: 'Ada lives in Leeds.',
  created_at: '2025-06-01T08:30:00Z',
  updated_at: '2025-07-01T07:00:00Z',
  topic: 'home',
  agent_id: 'travel',
  metadata: { category: 'home' },
}
const ROWS = { memory: 'Ada rows on the Aire.', at: '2025-05-01T00:00:00Z', name: 'Ada' }

function open() {
  const app = testApp()
  const post = (memories: unknown[], user_id = 'ada') =>
    app.call('POST', '/v1/memories/import', { user_id, memories })
  const list = async (query = '') =>
    // biome-ignore lint/suspicious/noExplicitAny: a response body
    (await app.call('GET', `/v1/memories?user_id=ada&order=oldest${query}`)).body.memories as any[]
  return { ...app, post, list }
}

describe('POST /v1/memories/import', () => {
  it('stores memories of kind imported with their dates and a history row', async () => {
    const { post, list, call } = open()
    const { status, body } = await post([PEANUTS, LEEDS, ROWS])
    expect({ status, body }).toEqual({
      status: 200,
      body: { imported: 3, updated: 0, unchanged: 0, refused: [], degraded: [] },
    })
    const memories = await list()
    expect(memories.map(({ memory }) => memory)).toEqual([ROWS.memory, LEEDS.memory, PEANUTS.memory])
    expect(memories[1]).toMatchObject({
      kind: 'imported',
      topic: 'home',
      agent_id: 'travel',
      metadata: { category: 'home' },
      version: 1,
      at: '2025-06-01T08:30:00.000Z',
      created_at: '2025-06-01T08:30:00.000Z',
      updated_at: '2025-07-01T07:00:00.000Z',
      valid_from: '2025-07-01T07:00:00.000Z',
    })
    expect(await list('&as_of=2025-06-15T00:00:00Z')).toMatchObject([
      { memory: ROWS.memory },
      { memory: PEANUTS.memory },
    ])
    const { body: history } = await call('GET', `/v1/memories/${memories[1].id}/history?user_id=ada`)
    expect(history.history).toMatchObject([
      { event: 'ADD', actor: 'import', reason: 'imported as m2', turn: null },
    ])
    const { body: found } = await call('POST', '/v1/memories/search', {
      user_id: 'ada',
      query: 'peanuts allergy',
    })
    expect(found.memories[0].memory).toBe(PEANUTS.memory)
  })

  it('stores a memory once, by id or by text, also within one request', async () => {
    const { post, list } = open()
    expect(
      (await post([PEANUTS, PEANUTS, ROWS, { ...ROWS, memory: ' Ada rows  on the Aire' }])).body,
    ).toMatchObject({ imported: 2, unchanged: 2 })
    const before = await list()
    expect((await post([PEANUTS, ROWS])).body).toEqual({
      imported: 0,
      updated: 0,
      unchanged: 2,
      refused: [],
      degraded: [],
    })
    expect(await list()).toEqual(before)
  })

  it('recognises a verbatim memory with the same text, but not one of another user', async () => {
    const { call, post } = open()
    const messages = [{ role: 'user', name: 'Ada', content: ROWS.memory }]
    await call('POST', '/v1/memories', { user_id: 'ada', messages })
    expect((await post([ROWS])).body).toMatchObject({ imported: 0, unchanged: 1 })
    expect((await post([ROWS], 'bob')).body).toMatchObject({ imported: 1 })
  })

  it('creates a new version for a newer text and none for an older one', async () => {
    const { post, list, call } = open()
    await post([LEEDS])
    const moved = { ...LEEDS, memory: 'Ada lives in Porto.', updated_at: '2026-01-01T00:00:00Z' }
    expect((await post([moved])).body).toMatchObject({ updated: 1, imported: 0 })
    expect((await post([LEEDS])).body).toMatchObject({ unchanged: 1 })
    const [memory] = await list()
    expect(memory).toMatchObject({ memory: 'Ada lives in Porto.', version: 2 })
    expect(await list('&as_of=2025-08-01T00:00:00Z')).toMatchObject([{ memory: 'Ada lives in Leeds.' }])
    const { body } = await call('GET', `/v1/memories/${memory.id}/history?user_id=ada`)
    expect(body.history.map((row: { event: string; actor: string }) => [row.event, row.actor])).toEqual([
      ['ADD', 'import'],
      ['UPDATE', 'import'],
    ])
  })

  it('does not undo corrections and deletions', async () => {
    const { post, list, call } = open()
    await post([PEANUTS, LEEDS])
    const [leeds, peanuts] = await list()
    await call('PATCH', `/v1/memories/${leeds.id}`, { user_id: 'ada', memory: 'Ada lives near Leeds.' })
    await call('DELETE', `/v1/memories/${peanuts.id}?user_id=ada`)
    expect((await post([PEANUTS, LEEDS])).body).toMatchObject({ imported: 0, updated: 0, unchanged: 2 })
    expect((await list()).map(({ memory }) => memory)).toEqual(['Ada lives near Leeds.'])
  })

  it('rejects invalid entries one by one with index and reason', async () => {
    const { post, list } = open()
    const bad = [
      { memory: '   ' },
      { memory: 'x'.repeat(10_001) },
      { memory: 'x', at: 'yesterday' },
      { memory: 'x', metadata: { deep: { er: 1 } } },
      { memory: 'x', colour: 'red' },
      'text',
      null,
    ]
    const { status, body } = await post([PEANUTS, ...bad, ROWS])
    expect(status).toBe(200)
    expect(body).toMatchObject({ imported: 2 })
    expect(body.refused.map(({ index }: { index: number }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7])
    const reasons = body.refused.map(({ reason }: { reason: string }) => reason)
    expect(reasons[0]).toContain('memory: expected a non-empty string')
    expect(reasons[2]).toContain('at: expected an ISO 8601 time with a time zone, got "yesterday"')
    expect(reasons[4]).toContain('unknown field colour')
    expect(await list()).toHaveLength(2)
  })

  it('accepts 1 to 500 memories per request', async () => {
    const { post } = open()
    for (const memories of [[], Array.from({ length: 501 }, () => PEANUTS)]) {
      const { status, body } = await post(memories)
      expect({ status, message: body.error.message }).toMatchObject({
        status: 400,
        message: expect.stringContaining('expected 1 to 500 entries'),
      })
    }
  })

  it('applies the retention rules of the app', async () => {
    const { post, list, call } = open()
    await call('PUT', '/v1/rules', { app_id: 'shop', rules: { retention_days: { '*': 30 } } })
    await post([
      { ...PEANUTS, app_id: 'shop' },
      { ...ROWS, app_id: 'shop', expires_at: '2030-01-01T00:00:00Z' },
      LEEDS,
    ])
    expect((await list()).map(({ memory }) => memory)).toEqual([ROWS.memory, LEEDS.memory])
  })
})

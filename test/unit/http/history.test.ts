import { describe, expect, it } from 'vitest'
import type { LanguageModel } from '../../../sidecar/ports/language-model.ts'
import { said, type TestApp, testApp } from '../../helpers/test-app.ts'

const KYOTO = 'I live in Kyoto.'

async function withMemory(app: TestApp = testApp()) {
  const { body } = await app.call('POST', '/v1/memories', said(KYOTO, { conversation_id: 'c', turn: 1 }))
  const path = `/v1/memories/${body.events[0].id}`
  const { call } = app
  return {
    ...app,
    path,
    patch: (fields: object) => call('PATCH', path, { user_id: 'ada', ...fields }),
    restore: (fields: object = {}) => call('POST', `${path}/restore`, { user_id: 'ada', ...fields }),
    read: async () => (await call('GET', `${path}?user_id=ada`)).body,
    history: async () => (await call('GET', `${path}/history?user_id=ada`)).body.history,
    list: async (query = '') =>
      (await call('GET', `/v1/memories?user_id=ada${query}`)).body.memories.map(
        (one: { memory: string }) => one.memory,
      ),
  }
}

describe('PATCH /v1/memories/{id}', () => {
  it.each([
    ['memory', 'I live in Nara.'],
    ['topic', 'home'],
    ['sub_topic', 'city'],
    ['importance', 5],
    ['event_date', '2026-02'],
    ['event_date', '2024-02-29'],
    ['expires_at', '2027-01-01T00:00:00.000Z'],
    ['metadata', { channel: 'web' }],
  ])('sets %s to %j in a new version, and restores the old one', async (field, value) => {
    const { patch, read, history, clock } = await withMemory()
    const before = await read()
    clock.advance(1000)
    const { status, body } = await patch({ [field]: value, reason: 'she said so' })
    const now = new Date(clock.now()).toISOString()
    const after = { ...before, [field]: value, version: 2, valid_from: now, updated_at: now }
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'updated', memory: after, degraded: [] },
    })
    expect(await read()).toEqual(after)
    expect(await patch({ [field]: value })).toMatchObject({
      status: 200,
      body: { status: 'unchanged', memory: after },
    })
    expect(await history()).toHaveLength(2)
    const back = await patch({ [field]: before[field] })
    expect(back.body.memory).toEqual({ ...before, version: 3, valid_from: now, updated_at: now })
  })

  it('makes the memory match its new text and not the old one', async () => {
    const { patch, call } = await withMemory()
    const search = async (query: string) => {
      const { body } = await call('POST', '/v1/memories/search', {
        user_id: 'ada',
        query,
        explain: true,
        threshold: 0,
      })
      return body.memories[0].parts.lexical
    }
    await search('Kyoto')
    await patch({ memory: 'I live in Nara.' })
    expect(await search('Kyoto')).toBe(0)
    expect(await search('Nara')).toBeGreaterThan(0)
  })

  it('hides a memory with an expiry in the past from list, search and recall, and from as_of after that time', async () => {
    const { patch, list, call, clock, read } = await withMemory()
    const found = async (path: string) =>
      (await call('POST', path, { user_id: 'ada', query: 'Kyoto' })).body.memories.length
    const seen = async () => [
      (await list()).length,
      await found('/v1/memories/search'),
      await found('/v1/recall'),
    ]
    expect(await seen()).toEqual([1, 1, 1])
    const before = new Date(clock.now()).toISOString()
    clock.advance(60_000)
    await patch({ expires_at: '2026-01-01T00:00:00Z' })
    expect(await seen()).toEqual([0, 0, 0])
    expect(await list(`&as_of=${before}`)).toEqual([KYOTO])
    expect(await list(`&as_of=${new Date(clock.now()).toISOString()}`)).toEqual([])
    expect((await read()).expires_at).toBe('2026-01-01T00:00:00.000Z')
    await patch({ expires_at: null })
    expect(await seen()).toEqual([1, 1, 1])
  })

  it('returns 409 for a memory of a pending turn', async () => {
    const model: LanguageModel = { kind: 'none', complete: () => Promise.reject(new Error('not asked')) }
    const { call } = testApp({ model, buffer: { idleMs: 3_600_000 } })
    await call('POST', '/v1/memories', said(KYOTO))
    const { body } = await call('GET', '/v1/memories?user_id=ada')
    const [{ id, kind, tier }] = body.memories
    expect({ kind, tier }).toEqual({ kind: 'pending', tier: 'short' })
    const answer = await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'x' })
    expect(answer).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'conflict',
          message: `id: "${id}" is pending; correct the memories that extraction makes of it`,
        },
      },
    })
  })
})

describe('history and restore', () => {
  it('list changes and restore earlier versions', async () => {
    const { patch, restore, history, call, path, list } = await withMemory()
    await patch({ memory: 'I live in Nara.', reason: 'she moved' })
    await call('DELETE', `${path}?user_id=ada&reason=too%20private`)
    expect(await list()).toEqual([])
    expect(await history()).toMatchObject([
      {
        event: 'ADD',
        version: 1,
        before: null,
        after: KYOTO,
        actor: 'verbatim',
        turn: 1,
        at: '2026-03-01T09:00:00.000Z',
      },
      {
        event: 'UPDATE',
        version: 2,
        before: KYOTO,
        after: 'I live in Nara.',
        actor: 'api',
        reason: 'she moved',
      },
      { event: 'DELETE', version: 2, before: 'I live in Nara.', after: null, reason: 'too private' },
    ])
    const { status, body } = await restore()
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'restored', memory: { memory: 'I live in Nara.', version: 3, valid_until: null } },
    })
    expect((await restore({ version: 1, reason: 'it was right' })).body.memory).toMatchObject({
      memory: KYOTO,
      version: 4,
    })
    expect((await history()).at(-1)).toMatchObject({ event: 'RESTORE', reason: 'it was right' })
    expect(await list()).toEqual([KYOTO])
  })

  it('return an error for a version that does not exist', async () => {
    const { restore, patch } = await withMemory()
    expect(await restore()).toMatchObject({
      status: 409,
      body: { error: { message: 'version: this memory has no earlier version to restore' } },
    })
    await patch({ memory: 'I live in Nara.' })
    expect(await restore({ version: 2 })).toMatchObject({
      status: 400,
      body: {
        error: { message: 'version: expected an earlier version of this memory, from 1 to 1, got 2' },
      },
    })
  })

  it('return 404 for a memory of another user', async () => {
    const { call, path, patch } = await withMemory()
    await patch({ memory: 'I live in Nara.' })
    for (const [method, rest, body] of [
      ['GET', '/history?user_id=bob', undefined],
      ['POST', '/restore', { user_id: 'bob', version: 1 }],
      ['PATCH', '', { user_id: 'bob', memory: 'x' }],
      ['DELETE', '?user_id=bob', undefined],
    ] as const) {
      expect([method, (await call(method, `${path}${rest}`, body)).status]).toEqual([method, 404])
    }
  })
})

describe('forgetting a user', () => {
  it('removes the user from every read and returns the number of removed records', async () => {
    const { call, list, path } = await withMemory()
    await call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })
    const { status, body } = await call('DELETE', '/v1/memories?user_id=ada')
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'forgotten', removed: { memories: 1, history: 1, turns: 1, conversations: 1 } },
    })
    expect(await list()).toEqual([])
    expect((await call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })).body.count).toBe(0)
    expect((await call('GET', `${path}/history?user_id=ada`)).status).toBe(404)
    expect((await call('POST', `${path}/restore`, { user_id: 'ada' })).status).toBe(404)
    const again = await call('POST', '/v1/memories', said(KYOTO, { conversation_id: 'c' }))
    expect(again.body).toMatchObject({ turn: 1, events: [{ event: 'ADD' }] })
  })
})

describe('memories of a run', () => {
  it('expire after run_retention_days', async () => {
    const { call, clock } = testApp()
    await call('PUT', '/v1/rules', { rules: { run_retention_days: 2 } })
    await call('POST', '/v1/memories', said(KYOTO, { run_id: 'r' }))
    await call('POST', '/v1/memories', said('I like tea.'))
    const list = async () =>
      (await call('GET', '/v1/memories?user_id=ada&order=oldest')).body.memories.map(
        ({ memory, tier, expires_at }: Record<string, string>) => [memory, tier, expires_at],
      )
    expect(await list()).toEqual([
      [KYOTO, 'mid', '2026-03-03T09:00:00.000Z'],
      ['I like tea.', 'long', null],
    ])
    clock.advance(2 * 86_400_000)
    expect((await list()).map(([memory]: string[]) => memory)).toEqual(['I like tea.'])
  })
})

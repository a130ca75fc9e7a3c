import { describe, expect, it } from 'vitest'
import { tableModel } from '../../helpers/learning/buffer/model.ts'
import { said, type TestApp, testApp } from '../../helpers/test-app.ts'

const memoriesOf = async ({ call }: TestApp, user: string): Promise<string[]> => {
  const { body } = await call('GET', `/v1/memories?user_id=${user}&limit=500`)
  return body.memories.map(({ memory }: { memory: string }) => memory).sort()
}

const add = (
  app: TestApp,
  user_id: string,
  conversation_id: string,
  turn: number,
  content: string,
  more = {},
) => app.call('POST', '/v1/memories', said(content, { user_id, conversation_id, turn, ...more }))

const link = (app: TestApp, from_user_id: string, to_user_id: string) =>
  app.call('POST', '/v1/users/link', { from_user_id, to_user_id })

const recall = async (app: TestApp, user_id: string, more = {}) => {
  const place = { conversation_id: 'own', turn: 2, window_size: 10, strategy: 'cached' }
  return (await app.call('POST', '/v1/recall', { user_id, query: 'sport', ...place, ...more })).body
}

describe('POST /v1/users/link', () => {
  it('joins the memories, turns and conversations of two ids, renews blocks, and erases the first id', async () => {
    const app = testApp()
    await add(app, 'guest', 'before', 1, 'I sail every summer.')
    await add(app, 'guest', 'before', 2, 'I row on Sundays.')
    await add(app, 'ada', 'own', 1, 'I ski in winter.')
    expect((await recall(app, 'ada')).block).not.toContain('sail')
    await recall(app, 'guest')

    const { status, body } = await link(app, 'guest', 'ada')
    expect([status, body]).toMatchObject([200, { status: 'linked', unchanged: 0 }])
    expect(await memoriesOf(app, 'ada')).toEqual([
      'I row on Sundays.',
      'I sail every summer.',
      'I ski in winter.',
    ])
    expect(await recall(app, 'ada')).toMatchObject({
      block: expect.stringContaining('sail'),
      cache: { reason: 'fence' },
    })
    expect(await recall(app, 'guest')).toMatchObject({ status: 'empty', block: '' })
    expect(await memoriesOf(app, 'guest')).toEqual([])
    const conversation = await app.call('GET', '/v1/conversations/before?user_id=ada')
    expect(conversation.body).toMatchObject({ last_turn: 2 })
    // An edit of a moved turn replaces what it said.
    app.clock.advance(60_000)
    await add(app, 'ada', 'before', 2, 'I dive in June.')
    expect(await memoriesOf(app, 'ada')).toEqual([
      'I dive in June.',
      'I sail every summer.',
      'I ski in winter.',
    ])
  })

  it('moves what is written to the first id later with another call', async () => {
    const app = testApp()
    await add(app, 'guest', 'c', 1, 'I sail.')
    await link(app, 'guest', 'ada')
    await add(app, 'guest', 'c', 2, 'I row.')
    expect(await memoriesOf(app, 'ada')).toEqual(['I sail.'])
    await link(app, 'guest', 'ada')
    expect(await memoriesOf(app, 'ada')).toEqual(['I row.', 'I sail.'])
    expect((await link(app, 'nobody', 'ada')).body).toEqual({ status: 'linked', moved: 0, unchanged: 0 })
  })

  it('moves pending turns, which are extracted for the second id', async () => {
    const model = tableModel({ 'I sail': [{ text: 'Ada sails.', topic: 'preferences', sub_topic: 'sport' }] })
    const app = testApp({ model, buffer: { idleMs: 3_600_000 } })
    await add(app, 'guest', 'c', 1, 'I sail', { mode: 'buffered' })
    await link(app, 'guest', 'ada')
    expect((await app.call('GET', '/v1/pending?user_id=guest')).body.turns).toEqual([])
    expect((await app.call('GET', '/v1/pending?user_id=ada')).body.turns).toHaveLength(1)
    await app.call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await memoriesOf(app, 'ada')).toEqual(['Ada sails.'])
    expect(await memoriesOf(app, 'guest')).toEqual([])
  })

  it('loses nothing when it is interrupted: the next call finishes', async () => {
    let left = Number.POSITIVE_INFINITY
    const app = testApp({
      expectErrors: true,
      wrapRecords: (records) => ({
        ...records,
        async commit(writes) {
          if (left-- <= 0) throw new Error('power cut')
          await records.commit(writes)
        },
      }),
    })
    for (let turn = 1; turn <= 3; turn++) await add(app, 'guest', 'c', turn, `I like sport number ${turn}.`)
    for (const commits of [0, 1, 2, 3]) {
      left = commits
      await link(app, 'guest', 'ada')
      left = Number.POSITIVE_INFINITY
      const both = new Set([...(await memoriesOf(app, 'guest')), ...(await memoriesOf(app, 'ada'))])
      expect(both.size).toBe(3)
    }
    expect((await link(app, 'guest', 'ada')).status).toBe(200)
    expect(await memoriesOf(app, 'ada')).toHaveLength(3)
    expect(await memoriesOf(app, 'guest')).toEqual([])
  })

  it('two links in opposite directions at once end, with everything under one of the ids', async () => {
    const app = testApp()
    await add(app, 'guest', 'c', 1, 'I sail.')
    await add(app, 'ada', 'd', 1, 'I row.')
    const answers = await Promise.all([link(app, 'guest', 'ada'), link(app, 'ada', 'guest')])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const [guest, ada] = [await memoriesOf(app, 'guest'), await memoriesOf(app, 'ada')]
    expect([guest.length, ada.length].sort()).toEqual([0, 2])
  })

  it('refuses the same id twice', async () => {
    expect(await link(testApp(), 'ada', 'ada')).toMatchObject({
      status: 400,
      body: {
        error: { message: expect.stringContaining('to_user_id: expected another user than from_user_id') },
      },
    })
  })
})

describe('DELETE /v1/conversations/{id}', () => {
  const forget = (app: TestApp, id: string) => app.call('DELETE', `/v1/conversations/${id}?user_id=ada`)

  it('erases the turns and what only they say, and keeps what another conversation says too', async () => {
    const app = testApp()
    await add(app, 'ada', 'c', 1, 'I sail every summer.')
    await add(app, 'ada', 'c', 2, 'I row on Sundays.')
    await add(app, 'ada', 'own', 1, 'I row on Sundays.')
    expect((await recall(app, 'ada', { strategy: 'cached', window_size: 2 })).block).toContain('sail')
    expect((await forget(app, 'c')).body).toEqual({ status: 'forgotten', turns: 2, memories: 1 })
    expect(await memoriesOf(app, 'ada')).toEqual(['I row on Sundays.'])
    expect(await recall(app, 'ada', { strategy: 'cached', window_size: 2 })).toMatchObject({
      block: expect.not.stringContaining('sail'),
      cache: { reason: 'fence' },
    })
    expect((await app.call('GET', '/v1/conversations/c?user_id=ada')).status).toBe(404)
    expect((await app.call('GET', '/v1/conversations/c/timeline?user_id=ada')).status).toBe(404)
    const exported = await (await app.fetch('/v1/export?user_id=ada')).text()
    expect(exported).not.toContain('sail')
    expect((await forget(app, 'c')).body).toEqual({ status: 'forgotten', turns: 0, memories: 0 })
  })

  it('cancels the extraction of its pending turns', async () => {
    const app = testApp({
      model: tableModel({ 'I sail': [{ text: 'Ada sails.', topic: 'preferences', sub_topic: 'sport' }] }),
      buffer: { idleMs: 3_600_000 },
    })
    await add(app, 'ada', 'c', 1, 'I sail', { mode: 'buffered' })
    expect((await forget(app, 'c')).body).toMatchObject({ turns: 1 })
    expect((await app.call('GET', '/v1/pending?user_id=ada')).body.turns).toEqual([])
    await app.call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await memoriesOf(app, 'ada')).toEqual([])
  })
})

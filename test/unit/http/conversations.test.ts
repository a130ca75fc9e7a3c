import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'

describe('GET /v1/conversations/{id}', () => {
  it('returns last turn and summary after the stored turns', async () => {
    const { call } = testApp()
    const odd = 'a/b c?ü'
    await call('POST', '/v1/memories', said('I live in Kyoto.', { conversation_id: odd, turn: 4 }))
    await call('POST', '/v1/memories', said('I like tea.', { conversation_id: odd, turn: 2 }))
    const { status, body } = await call('GET', `/v1/conversations/${encodeURIComponent(odd)}?user_id=ada`)
    expect({ status, body }).toEqual({
      status: 200,
      body: { conversation_id: odd, last_turn: 4, summary: '', pending: { turns: 0, tokens: 0 } },
    })
  })

  it('returns the summary, and the pending turns of this conversation only', async () => {
    const answer = { facts: [], entities: [], relations: [], summary: 'Ada spoke of Kyoto.' }
    const { call } = testApp({
      model: {
        kind: 'scripted',
        complete: async () => ({
          text: JSON.stringify(answer),
          calls: [],
          finish: 'stop',
          model: 'scripted',
        }),
      },
      buffer: { idleMs: 3_600_000 },
    })
    const post = (content: string, conversation_id: string, turn: number, mode: string) =>
      call('POST', '/v1/memories', said(content, { conversation_id, turn, mode }))
    await post('I live in Kyoto.', 'c', 1, 'sync')
    await post('I work in Osaka.', 'c', 2, 'buffered')
    await post('I was born in Nara.', 'd', 1, 'buffered')
    expect((await call('GET', '/v1/conversations/c?user_id=ada')).body).toEqual({
      conversation_id: 'c',
      last_turn: 2,
      summary: 'Ada spoke of Kyoto.',
      pending: { turns: 1, tokens: 4 },
    })
  })

  it('returns 404 for an unknown conversation, another user and a forgotten user', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I live in Kyoto.', { conversation_id: 'c' }))
    const ask = (id: string, user: string) => call('GET', `/v1/conversations/${id}?user_id=${user}`)
    const missing = (id: string) => ({
      status: 404,
      body: { error: { code: 'not_found', message: `id: no conversation "${id}" of this user` } },
    })
    expect(await ask('d', 'ada')).toMatchObject(missing('d'))
    expect(await ask('c', 'bob')).toMatchObject(missing('c'))
    expect((await ask('c', 'ada')).status).toBe(200)
    await call('DELETE', '/v1/memories?user_id=ada')
    expect(await ask('c', 'ada')).toMatchObject(missing('c'))
    expect(await call('GET', '/v1/conversations/c')).toMatchObject({ status: 400 })
  })
})

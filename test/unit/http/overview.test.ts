import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { said, testApp } from '../../helpers/test-app.ts'

describe('GET /v1/overview', () => {
  it('counts the recalls and turns of the last hour, by strategy and reason', async () => {
    const { call, clock } = testApp()
    expect((await call('GET', '/v1/overview')).body).toMatchObject({
      namespace: 'default',
      has_users: false,
      traffic: { recalls: 0, turns: 0, hit_rate: null, strategies: [] },
      pending: { turns: 0, failed: 0, tokens: 0, oldest_at: null },
    })
    await call('POST', '/v1/recall', { user_id: 'ada', query: 'tea' })
    clock.advance(3_500_000)
    for (let turn = 1; turn <= 5; turn++) {
      const who = { conversation_id: 'c', turn }
      const ask = { user_id: 'ada', query: 'tea', strategy: 'cached', window_size: 3 }
      await call('POST', '/v1/recall', { ...who, ...ask })
      await call('POST', '/v1/memories', said(`I like tea number ${turn}.`, who))
    }
    clock.advance(120_000)
    const { traffic, has_users } = (await call('GET', '/v1/overview')).body
    expect(has_users).toBe(true)
    expect(traffic).toMatchObject({ window_s: 3600, recalls: 5, turns: 5, degraded: 0, hit_rate: 0.6 })
    expect(traffic.cache).toEqual({ 'miss.first': 1, 'hit.hit': 3, 'miss.window': 1 })
    expect(traffic.strategies).toMatchObject([{ strategy: 'cached', recalls: 5, hit_rate: 0.6 }])
    expect(traffic.minutes).toHaveLength(60)
    expect(traffic.minutes[2]).toMatchObject({ minutes_ago: 2, recalls: 5 })
  })

  it('shows a namespace its own numbers only', async () => {
    const keys = ['shop-key-0123456789', 'school-key-0123456789']
    const apiKeys = keys.map((key) => ({ namespace: key.split('-')[0] as string, sha256: sha256Of(key) }))
    const { call } = testApp({ apiKeys })
    const [shop, school] = keys.map((key) => ({ authorization: `Bearer ${key}` }))
    await call('POST', '/v1/recall', { user_id: 'ada', query: 'tea' }, shop)
    await call('POST', '/v1/memories', said('I like tea.'), shop)
    const { body } = await call('GET', '/v1/overview', undefined, school)
    expect(body).toMatchObject({ namespace: 'school', has_users: false, traffic: { recalls: 0, turns: 0 } })
    expect((await call('GET', '/v1/users', undefined, school)).body.users).toEqual([])
    expect((await call('GET', '/v1/users', undefined, shop)).body.users).toEqual([{ user_id: 'ada' }])
  })
})

describe('GET /v1/users', () => {
  it('lists users by prefix, in pages', async () => {
    const { call } = testApp()
    const users = ['ada', 'adam', 'bob', 'a/b', 'Ä1', '日本']
    for (const user_id of users) await call('POST', '/v1/memories', said('I like tea.', { user_id }))
    const list = async (query: string) => {
      const { body } = await call('GET', `/v1/users?${query}`)
      return body.users.map((one: { user_id: string }) => one.user_id)
    }
    expect((await list('')).toSorted()).toEqual(users.toSorted())
    expect(await list('prefix=ada')).toEqual(['ada', 'adam'])
    expect(await list('prefix=a')).toEqual(['a/b', 'ada', 'adam'])
    expect(await list(`prefix=${encodeURIComponent('日')}`)).toEqual(['日本'])
    expect(await list('prefix=zz')).toEqual([])
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call('GET', `/v1/users?limit=2${cursor && `&cursor=${cursor}`}`)
      seen.push(...body.users.map((one: { user_id: string }) => one.user_id))
      cursor = body.next_cursor ?? ''
    } while (cursor)
    expect(seen.toSorted()).toEqual(users.toSorted())
  })
})

describe('GET /v1/conversations', () => {
  it('lists the conversations of a user, latest change first', async () => {
    const { call, clock } = testApp()
    for (const [conversation_id, turn] of [
      ['c-1', 1],
      ['c-2', 1],
      ['c-1', 2],
    ] as const) {
      await call('POST', '/v1/memories', said(`I like tea ${turn}.`, { conversation_id, turn }))
      clock.advance(1000)
    }
    await call(
      'POST',
      '/v1/memories',
      said('I like tea.', { user_id: 'bob', conversation_id: 'c-3', turn: 1 }),
    )
    const { body } = await call('GET', '/v1/conversations?user_id=ada')
    expect(body.conversations).toMatchObject([
      { conversation_id: 'c-1', last_turn: 2, summary: '' },
      { conversation_id: 'c-2', last_turn: 1, summary: '' },
    ])
    const page = (await call('GET', '/v1/conversations?user_id=ada&limit=1')).body
    const next = await call('GET', `/v1/conversations?user_id=ada&limit=1&cursor=${page.next_cursor}`)
    expect(next.body.conversations).toMatchObject([{ conversation_id: 'c-2' }])
  })
})

describe('GET /v1/conversations/{id}/timeline', () => {
  it('has the messages of each turn, and the memories of block and delta', async () => {
    const { call } = testApp()
    for (let turn = 1; turn <= 6; turn++) {
      const who = { conversation_id: 'c', turn }
      const ask = { user_id: 'ada', query: 'Which tea number?', strategy: 'cached_delta', window_size: 3 }
      await call('POST', '/v1/recall', { ...who, ...ask })
      await call('POST', '/v1/memories', said(`I like tea number ${turn}.`, who))
    }
    const { turns } = (await call('GET', '/v1/conversations/c/timeline?user_id=ada')).body
    expect(turns[0].messages).toEqual([{ role: 'user', content: 'I like tea number 6.' }])
    const recalls = turns.map((one: { recalls: object[] }) => one.recalls[0])
    // Turn 4 built the block that turn 6 is served.
    expect(recalls[2]).toMatchObject({
      cache: { result: 'miss', reason: 'window' },
      included_turns: [[1, 3]],
    })
    expect(recalls[2].block_ids).toHaveLength(3)
    expect(recalls[0]).toMatchObject({ cache: { result: 'hit' } })
    expect(recalls[0].block_ids).toBeUndefined()
    await call('POST', '/v1/recall', {
      user_id: 'ada',
      query: 'tea',
      strategy: 'per_query',
      conversation_id: 'c',
      turn: 7,
    })
    const [seventh] = (await call('GET', '/v1/conversations/c/timeline?user_id=ada')).body.turns
    expect(seventh).toMatchObject({ turn: 7, added_at: null, messages: [] })
    expect(seventh.recalls[0].delta_ids.length).toBeGreaterThan(0)
    expect(seventh.recalls[0].block_ids).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { DEFAULT_TOPICS } from '../../../sidecar/memory/model/topics.ts'
import { testApp } from '../../helpers/test-app.ts'

const RULES = '/v1/rules'

describe('GET /v1/rules', () => {
  it('returns the defaults with all topics', async () => {
    const { status, body } = await testApp().call('GET', `${RULES}?app_id=app-1`)
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        app_id: 'app-1',
        version: 0,
        in_force: { from: 'default', version: 0 },
        rules: {
          remember: 'both',
          custom_instructions: '',
          include_topics: [],
          exclude_topics: [],
          topics: DEFAULT_TOPICS,
          retention_days: {},
          run_retention_days: 30,
          time_zone: 'UTC',
          redact: [],
          flush: { tokens: null, turns: null, idle_s: null, window_ahead: null },
        },
        updated_at: null,
      },
    })
  })

  it('returns the source of the rules that apply', async () => {
    const { call, clock } = testApp()
    await call('PUT', RULES, { rules: { custom_instructions: 'of all' } })
    const inherited = (await call('GET', `${RULES}?app_id=app-1`)).body
    expect(inherited).toMatchObject({
      app_id: 'app-1',
      version: 0,
      in_force: { from: 'namespace', version: 1 },
      rules: { custom_instructions: 'of all' },
      updated_at: new Date(clock.now()).toISOString(),
    })
    // The response can be changed and sent back with its version.
    const rules = { ...inherited.rules, custom_instructions: 'of the app' }
    const set = await call('PUT', RULES, { app_id: 'app-1', rules, if_version: inherited.version })
    expect(set.body).toMatchObject({ version: 1, in_force: { from: 'app', version: 1 }, rules })
    expect((await call('GET', `${RULES}?app_id=app-1`)).body).toEqual(set.body)
    expect((await call('GET', RULES)).body).toMatchObject({
      app_id: null,
      rules: { custom_instructions: 'of all' },
    })
  })

  it('returns an earlier version', async () => {
    const { call } = testApp()
    for (const custom_instructions of ['first', 'second'])
      await call('PUT', RULES, { app_id: 'app-1', rules: { custom_instructions } })
    await call('PUT', RULES, { app_id: 'app-1', rules: null })
    const version = async (n: number) => (await call('GET', `${RULES}?app_id=app-1&version=${n}`)).body
    expect(await version(1)).toMatchObject({ version: 1, rules: { custom_instructions: 'first' } })
    expect(await version(2)).toMatchObject({ version: 2, rules: { custom_instructions: 'second' } })
    expect(await version(3)).toMatchObject({ version: 3, rules: null, in_force: { from: 'default' } })
    expect((await version(4)).error).toMatchObject({
      code: 'not_found',
      message: 'version: no version 4 of the rules of app "app-1"',
    })
    expect((await version(0)).error.message).toMatch(/^version: expected an integer from 1 .*, got "?0"?$/)
  })
})

describe('PUT /v1/rules', () => {
  it('sets absent fields to their defaults', async () => {
    const { call } = testApp()
    await call('PUT', RULES, { rules: { remember: 'user', exclude_topics: ['health'] } })
    const { body } = await call('PUT', RULES, { rules: { retention_days: { plans: 90 } } })
    expect(body).toMatchObject({
      version: 2,
      rules: { remember: 'both', exclude_topics: [], retention_days: { plans: 90 } },
    })
  })

  it('returns 409 if if_version is not the newest version', async () => {
    const { call } = testApp()
    await call('PUT', RULES, { rules: { remember: 'user' }, if_version: 0 })
    const { status, body } = await call('PUT', RULES, { rules: { remember: 'both' }, if_version: 0 })
    expect({ status, error: body.error }).toMatchObject({
      status: 409,
      error: { code: 'conflict', message: 'if_version: expected 1, the newest version, got 0' },
    })
  })

  it('removes rules with null', async () => {
    const { call } = testApp()
    await call('PUT', RULES, { app_id: 'app-1', rules: { remember: 'user' } })
    const { body } = await call('PUT', RULES, { app_id: 'app-1', rules: null })
    expect(body).toMatchObject({
      version: 2,
      in_force: { from: 'default', version: 0 },
      rules: { remember: 'both' },
    })
  })

  it.each([
    ['no rules', {}, /^rules: .*got nothing$/],
    ['a list', { rules: [] }, /^rules: .*, got an array of 0$/],
    ['an unknown field', { rules: { topic: [] } }, /^rules: unknown field topic$/],
    ['an unknown field of the body', { rules: {}, version: 1 }, /^body: unknown field version$/],
    ['an empty app', { app_id: '', rules: {} }, /^app_id: expected a non-empty string, got ""$/],
    [
      'a version as string',
      { rules: {}, if_version: '1' },
      /^if_version: expected an integer from 0.*, got "1"$/,
    ],
    [
      'a topic both included and excluded',
      { rules: { include_topics: ['health'], exclude_topics: ['Health'] } },
      /^rules\.exclude_topics\[0\]: expected a topic that is not in include_topics, got "Health"$/,
    ],
    ['two errors', { rules: { remember: 'x', topics: 1 } }, /^rules\.remember: .*; rules\.topics: .*$/],
  ])('rejects %s and keeps the current rules', async (_name, body, message) => {
    const { call } = testApp()
    const answer = await call('PUT', RULES, body)
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toMatch(message)
    expect((await call('GET', RULES)).body.version).toBe(0)
  })
})

describe('GET /v1/rules/versions', () => {
  it('lists versions newest first, in pages', async () => {
    const { call, clock } = testApp()
    for (const n of [1, 2, 3]) {
      clock.advance(60_000)
      await call('PUT', RULES, { app_id: 'app-1', rules: n === 2 ? null : { retention_days: { health: n } } })
    }
    const first = (await call('GET', `${RULES}/versions?app_id=app-1&limit=2`)).body
    expect(first).toMatchObject({
      app_id: 'app-1',
      versions: [
        {
          version: 3,
          rules: { retention_days: { health: 3 } },
          updated_at: new Date(clock.now()).toISOString(),
        },
        { version: 2, rules: null },
      ],
    })
    const rest = (await call('GET', `${RULES}/versions?app_id=app-1&limit=2&cursor=${first.next_cursor}`))
      .body
    expect(rest).toMatchObject({ versions: [{ version: 1 }], next_cursor: null })
    const all = (await call('GET', `${RULES}/versions?app_id=app-1&limit=3`)).body
    expect([all.versions.length, all.next_cursor]).toEqual([3, null])
    expect((await call('GET', `${RULES}/versions`)).body).toEqual({
      app_id: null,
      versions: [],
      next_cursor: null,
    })
  })

  it.each([
    ['limit=0', /^limit: expected an integer from 1 to 100, got /],
    ['limit=101', /^limit: expected an integer from 1 to 100, got /],
    ['cursor=x', /^cursor: expected next_cursor of the previous page, got "x"$/],
    ['user_id=ada', /unknown field user_id/],
  ])('rejects %s', async (query, message) => {
    const { status, body } = await testApp().call('GET', `${RULES}/versions?${query}`)
    expect(status).toBe(400)
    expect(body.error.message).toMatch(message)
  })
})

it('rules of a namespace do not affect other namespaces', async () => {
  const keys = ['key-of-namespace-one', 'key-of-namespace-two'] as const
  const { call } = testApp({
    apiKeys: keys.map((key, i) => ({ namespace: `n${i}`, sha256: sha256Of(key) })),
  })
  const [one, two] = keys.map((key) => ({ authorization: `Bearer ${key}` }))
  await call('PUT', RULES, { app_id: 'app', rules: { remember: 'user' } }, one)
  expect((await call('GET', `${RULES}?app_id=app`, undefined, two)).body).toMatchObject({ version: 0 })
  expect((await call('GET', `${RULES}/versions?app_id=app`, undefined, two)).body.versions).toEqual([])
  expect((await call('GET', `${RULES}?app_id=app&version=1`, undefined, two)).status).toBe(404)
  expect((await call('GET', RULES)).status).toBe(401)
})

const MESSAGES = [
  { role: 'system', content: 'You are a helpful travel agent of Acme.' },
  { role: 'user', content: 'I live in Kyoto.' },
  { role: 'assistant', content: 'Kyoto has many temples.' },
]

describe('the rule remember', () => {
  const remembered = async (rule: string, asked?: string) => {
    const { call } = testApp()
    await call('PUT', '/v1/rules', { rules: { remember: rule } })
    const { body } = await call('POST', '/v1/memories', {
      user_id: 'ada',
      messages: MESSAGES,
      ...(asked ? { remember: asked } : {}),
    })
    return body.events.map(({ memory }: { memory: string }) => memory)
  }
  const [, user, assistant] = MESSAGES.map(({ content }) => content)

  it.each([
    ['both', undefined, [user, assistant]],
    ['both', 'user', [user]],
    ['both', 'assistant', [assistant]],
    ['user', undefined, [user]],
    ['assistant', 'both', [assistant]],
    // A request may narrow the rule of the app but not widen it.
    ['user', 'both', [user]],
    ['user', 'assistant', [user]],
  ])(
    'with rule %s and request %s stores the messages of the allowed roles',
    async (rule, asked, expected) => {
      expect(await remembered(rule, asked)).toEqual(expected)
    },
  )
})

describe('retention', () => {
  it('applies the retention of * to verbatim memories', async () => {
    const { call, clock } = testApp()
    await call('PUT', '/v1/rules', { rules: { retention_days: { '*': 2 } } })
    await call('POST', '/v1/memories', { user_id: 'ada', messages: MESSAGES })
    const count = async () => (await call('GET', '/v1/memories?user_id=ada')).body.memories.length
    const found = async () =>
      (await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'Kyoto' })).body.memories.length
    expect([await count(), await found()]).toEqual([2, 2])
    clock.advance(2 * 86_400_000)
    expect([await count(), await found()]).toEqual([0, 0])
  })
})

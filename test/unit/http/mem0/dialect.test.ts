import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../../sidecar/http/access/api-keys.ts'
import { type TestAppOptions, testApp } from '../../../helpers/test-app.ts'

/** A store with memories of two users, and calls of the dialect without a client. */
async function start(options: TestAppOptions = {}) {
  const app = testApp(options)
  const post = async (path: string, body: object) => await app.call('POST', `/mem0${path}`, body)
  const add = async (content: string, rest: object) => {
    app.clock.advance(1000)
    return await post('/v3/memories/add/', { messages: [{ role: 'user', content }], ...rest })
  }
  await add('I like green tea.', {
    user_id: 'ada',
    agent_id: 'cook',
    metadata: { room: 'Kitchen', floor: 1 },
  })
  await add('I like black coffee.', { user_id: 'ada', run_id: 'r', metadata: { room: 'office', floor: 2 } })
  await add('I like milk.', { user_id: 'ben' })
  /** The texts of the memories that a filter selects. */
  const listed = async (filters: object) => {
    const { body } = await post('/v3/memories/', { filters })
    return body.results?.map(({ memory }: { memory: string }) => memory) ?? body.detail
  }
  return { ...app, post, add, listed }
}

const TEA = ['I like green tea.']
const COFFEE = ['I like black coffee.']
const BOTH = [...COFFEE, ...TEA]
const ada = { user_id: 'ada' }

describe('filters of mem0', () => {
  it('select the memories of one user by entities, metadata, words, time and id', async () => {
    const { listed, post } = await start()
    const { body } = await post('/v3/memories/', { filters: ada })
    const teaId = body.results[1].id
    const cases: [object, string[]][] = [
      [ada, BOTH],
      [{ AND: [ada] }, BOTH],
      [{ OR: [ada] }, BOTH],
      [{ user_id: { in: ['ada'] } }, BOTH],
      [{ AND: [ada, { agent_id: 'cook' }] }, TEA],
      [{ AND: [ada, { agent_id: '*' }] }, TEA],
      [{ ...ada, run_id: { ne: 'r' } }, TEA],
      [{ ...ada, NOT: { agent_id: 'cook' } }, COFFEE],
      [{ ...ada, NOT: [{ agent_id: 'cook' }, { run_id: 'r' }] }, []],
      [{ ...ada, OR: [{ agent_id: 'cook' }, { run_id: 'r' }] }, BOTH],
      [{ ...ada, metadata: { room: 'Kitchen' } }, TEA],
      [{ ...ada, metadata: { floor: { gte: 2 } } }, COFFEE],
      [{ ...ada, metadata: { room: { contains: 'kitchen' } } }, []],
      [{ ...ada, metadata: { room: { icontains: 'kitchen' } } }, TEA],
      [{ ...ada, keywords: { icontains: 'COFFEE' } }, COFFEE],
      [{ ...ada, keywords: { contains: 'COFFEE' } }, []],
      [{ ...ada, created_at: { gte: '2000-01-01', lt: '2001-01-01' } }, []],
      [{ ...ada, timestamp: { gt: 0 } }, BOTH],
      [{ ...ada, memory_ids: [teaId] }, TEA],
      [{ ...ada, categories: { in: ['food'] } }, []],
    ]
    for (const [filters, texts] of cases) expect([filters, await listed(filters)]).toEqual([filters, texts])
  })

  it('are refused where they do not select exactly one owner, with what is wrong', async () => {
    const { listed } = await start()
    const cases: [object, string][] = [
      [{}, 'filters: expected one of user_id, agent_id, run_id, app_id'],
      [{ user_id: '*' }, 'filters.user_id: expected one user'],
      [{ OR: [ada, { user_id: 'ben' }] }, 'filters.OR[0].user_id: expected one user, outside of OR and NOT'],
      [{ NOT: ada }, 'filters.NOT[0].user_id: expected one user'],
      [{ AND: [ada, { user_id: 'ben' }] }, 'filters.AND[1].user_id: expected the same user everywhere'],
      [{ user_id: { ne: 'ada' } }, 'filters.user_id: expected one user'],
      [{ ...ada, room: 'office' }, 'filters.room: expected AND, OR, NOT or one of user_id'],
      [{ ...ada, metadata: 'office' }, 'filters.metadata: expected an object'],
      [{ ...ada, created_at: { $gte: 1 } }, 'filters.created_at: expected one of the operators eq, ne'],
      [
        { ...ada, memory_ids: ['3c90c3cc'] },
        'filters.memory_ids[0]: expected an id that an answer of this API',
      ],
    ]
    for (const [filters, message] of cases) expect(await listed(filters)).toContain(message)
    let nested: object = ada
    for (let i = 0; i < 20; i++) nested = { AND: [nested] }
    expect(await listed(nested)).toContain('expected at most 8 levels of nesting')
  })

  it('narrow a search', async () => {
    const { post } = await start()
    const search = async (more: object) => {
      const { body } = await post('/v3/memories/search/', { query: 'What do I like?', threshold: 0, ...more })
      return body.results.map(({ memory }: { memory: string }) => memory).sort()
    }
    expect(await search({ filters: ada })).toEqual(BOTH)
    expect(await search({ filters: ada, metadata: { room: 'office' } })).toEqual(COFFEE)
    expect(await search({ filters: ada, top_k: 1 })).toHaveLength(1)
    expect(await search({ ...ada, agent_id: 'cook' })).toEqual(TEA)
    const { body } = await post('/v3/memories/search/', {
      query: 'tea',
      filters: ada,
      fields: ['memory'],
      reference_date: '2026-01-31',
    })
    expect(body.results[0]).toEqual({ id: expect.any(String), memory: 'I like green tea.' })
  })
})

describe('paths of earlier clients', () => {
  it('answer lists where these expect lists', async () => {
    const { call, post } = await start()
    const added = await post('/v1/memories/', { messages: 'I play chess.', ...ada })
    expect(added.body).toEqual([
      { id: expect.any(String), event: 'ADD', memory: 'I play chess.', data: { memory: 'I play chess.' } },
    ])
    expect((await post('/v1/memories/search/', { query: 'chess', ...ada })).body[0].memory).toBe(
      'I play chess.',
    )
    const options = { query: 'chess', filters: ada, output_format: 'v1.1' }
    expect((await post('/v2/memories/search/', options)).body.results[0].memory).toBe('I play chess.')
    expect((await post('/v2/memories/', { filters: ada })).body).toHaveLength(3)
    expect((await call('GET', '/mem0/v1/memories/?user_id=ada')).body).toHaveLength(3)
    const page = await call('GET', '/mem0/v1/memories/?user_id=ada&page=1&page_size=2')
    expect([page.body.count, page.body.results.length]).toEqual([3, 2])
  })
})

describe('the API of mem0', () => {
  it('keeps the time and the end of a memory, and hides it after that day', async () => {
    const { post, add, call, clock } = await start()
    const { body } = await add('I sail.', { ...ada, timestamp: 86_400 })
    const { id } = body.results[0]
    const path = `/mem0/v1/memories/${id}/`
    const today = new Date(clock.now()).toISOString().slice(0, 10)
    const { body: changed } = await call('PUT', path, { expiration_date: today })
    expect(changed.expiration_date).toBe(today)
    const count = async (more = {}) => (await post('/v3/memories/', { filters: ada, ...more })).body.count
    expect(await count()).toBe(3)
    clock.advance(86_400_000)
    expect([await count(), await count({ show_expired: true })]).toEqual([2, 3])
    const early = { filters: { ...ada, timestamp: { lte: 86_400 } }, show_expired: true }
    expect((await post('/v3/memories/', early)).body.results).toMatchObject([{ memory: 'I sail.' }])
  })

  it('refuses what cannot be honoured, with the field and what to do', async () => {
    const { call } = testApp()
    const cases: [string, string, object | undefined, string][] = [
      [
        'POST',
        '/v3/memories/add/',
        { messages: 'x' },
        'user_id: expected one of user_id, agent_id, run_id, app_id',
      ],
      ['POST', '/v3/memories/add/', { messages: [], ...ada }, 'messages: expected at least one message'],
      ['POST', '/v3/memories/add/', { messages: 'x', user_id: '*' }, 'user_id: expected one id'],
      ['POST', '/v3/memories/add/', { messages: 'x', ...ada, shape: 1 }, 'body: unknown field shape'],
      [
        'POST',
        '/v3/memories/add/',
        { messages: 'x', ...ada, expiration_date: '2999-01-01' },
        'expected no value (set it',
      ],
      [
        'POST',
        '/v3/memories/search/',
        { query: 'x', filters: ada, top_k: 500 },
        'top_k: expected an integer from 1',
      ],
      [
        'POST',
        '/v3/memories/search/',
        { query: 'x', filters: ada, show_expired: true },
        'show_expired: expected false',
      ],
      [
        'POST',
        '/v3/memories/?page=400&page_size=200',
        { filters: ada },
        'page: expected a page of the first 10000',
      ],
      ['POST', '/v3/memories/?page=0', { filters: ada }, 'page: expected an integer from 1'],
      ['PUT', '/v1/memories/a.YWRh/', {}, 'body: expected text, metadata or expiration_date'],
      ['PUT', '/v1/memories/a.YWRh/', { timestamp: 1 }, 'timestamp: expected no value'],
      ['PUT', '/v1/memories/a.YWRh/', { expiration_date: '2026-02-30' }, 'expiration_date: expected a date'],
      ['DELETE', '/v1/memories/?user_id=*', undefined, 'user_id: expected one id'],
      ['DELETE', '/v1/memories/', undefined, 'user_id: expected one of'],
      ['DELETE', '/v2/entities/team/x/', undefined, 'type: expected user, agent, run or app'],
      ['PUT', '/v1/batch/', { memories: [] }, 'memories: expected 1 to 1000 memories'],
    ]
    for (const [method, path, body, message] of cases) {
      const answer = await call(method, `/mem0${path}`, body)
      expect([path, answer.status, answer.body.detail]).toEqual([path, 400, expect.stringContaining(message)])
      expect(answer.body.error).toMatchObject({ code: 'invalid_request', message: answer.body.detail })
    }
  })

  it('answers 404 for what it does not have', async () => {
    const { call } = testApp()
    for (const [method, path] of [
      ['GET', '/v1/memories/a.YWRh/'],
      ['GET', '/v1/event/a.YWRh/'],
      ['POST', '/v1/exports/'],
      ['POST', '/v1/feedback/'],
    ] as const) {
      expect([path, (await call(method, `/mem0${path}`)).status]).toEqual([path, 404])
    }
  })

  it('accepts the key as mem0 sends it, and keeps the namespaces of two keys apart', async () => {
    const apiKeys = ['one', 'two'].map((namespace) => ({
      namespace,
      sha256: sha256Of(`the-key-of-${namespace}-x`),
    }))
    const { call } = testApp({ apiKeys })
    const as = (authorization: string) => ({ authorization })
    const added = await call(
      'POST',
      '/mem0/v3/memories/add/',
      { messages: 'I keep bees.', ...ada },
      as('Token the-key-of-one-x'),
    )
    const path = `/mem0/v1/memories/${added.body.results[0].id}/`
    expect((await call('GET', path, undefined, as('Token the-key-of-one-x'))).status).toBe(200)
    expect((await call('GET', path, undefined, as('Token the-key-of-two-x'))).status).toBe(404)
    const rejected = await call('GET', path, undefined, as('Bearer the-key-of-one-x'))
    expect([rejected.status, rejected.headers.get('www-authenticate')]).toEqual([401, 'Token'])
    expect(rejected.body.detail).toBe('Authorization: expected "Token <key>", got another value')
    expect((await call('GET', path)).status).toBe(401)
  })

  it('has the limits of every other route', async () => {
    const limited = testApp({ requestsPerMinute: 1, maxBodyBytes: 1000 })
    const path = '/mem0/v3/memories/add/'
    expect((await limited.call('POST', path, { messages: 'a'.repeat(2000), ...ada })).status).toBe(413)
    expect((await limited.call('GET', '/mem0/v1/ping/')).status).toBe(429)
    const one = { requests: 0, requestsPerKey: 1, bytes: 1000, bytesPerKey: 1000 }
    expect((await testApp({ inFlight: one }).call('GET', '/mem0/v1/ping/')).status).toBe(503)
  })

  it('is not part of the OpenAPI document', async () => {
    const { body } = await testApp().call('GET', '/openapi.json')
    expect(Object.keys(body.paths).filter((path) => !path.startsWith('/v1/'))).toEqual([
      '/healthz',
      '/readyz',
    ])
  })
})

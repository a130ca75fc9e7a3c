import { describe, expect, it } from 'vitest'
import { said, testApp } from '../helpers/test-app.ts'

type Row = [name: string, method: string, path: string, body: unknown, message: RegExp]

const ADD = '/v1/memories'
const SEARCH = '/v1/memories/search'
const RECALL = '/v1/recall'
const query = { user_id: 'ada', query: 'tea' }
const deep = (levels: number): object => (levels === 0 ? { id: 'x' } : { NOT: deep(levels - 1) })

/** What is wrong is answered with 400 `invalid_request`, the field, what was expected and what came. */
const INVALID: Row[] = [
  ['a list for a body', 'POST', ADD, [], /^body: expected object, got an array of 0$/],
  ['null for a body', 'POST', ADD, null, /^body: expected object, got null$/],
  ['a text for a body', 'POST', RECALL, 'x', /^body: expected object, got "x"$/],
  [
    'no user',
    'POST',
    ADD,
    { messages: [{ role: 'user', content: 'x' }] },
    /^user_id: expected string, got nothing$/,
  ],
  [
    'an empty user',
    'POST',
    ADD,
    said('x', { user_id: '' }),
    /^user_id: expected a text that is not empty, got ""$/,
  ],
  [
    'a user of spaces',
    'POST',
    ADD,
    said('x', { user_id: ' ' }),
    /^user_id: expected a text that is not empty/,
  ],
  ['a number for a user', 'POST', ADD, said('x', { user_id: 7 }), /^user_id: expected string, got 7$/],
  [
    'a user of 257 characters',
    'POST',
    ADD,
    said('x', { user_id: 'u'.repeat(257) }),
    /^user_id: expected at most 256 characters, got "u+…$/,
  ],
  [
    'half a character for a user',
    'POST',
    ADD,
    said('x', { user_id: 'a\ud800' }),
    /^user_id: expected well-formed Unicode/,
  ],
  [
    'half a character for a conversation',
    'POST',
    ADD,
    said('x', { conversation_id: '\udc00' }),
    /^conversation_id: expected well-formed Unicode/,
  ],
  ['an unknown field', 'POST', ADD, said('x', { userid: 'ada' }), /^body: unknown field userid/],
  [
    'an unknown field of a message',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'user', content: 'x', text: 'y' }] },
    /^messages\[0\]: unknown field text/,
  ],
  ['no messages', 'POST', ADD, { user_id: 'ada' }, /^messages: expected array, got nothing$/],
  [
    'an empty list of messages',
    'POST',
    ADD,
    { user_id: 'ada', messages: [] },
    /^messages: expected at least one message, got an array of 0$/,
  ],
  [
    '1001 messages',
    'POST',
    ADD,
    { user_id: 'ada', messages: Array(1001).fill({ role: 'user', content: 'x' }) },
    /^messages: expected .*1000.*, got an array of 1001$/,
  ],
  [
    'an unknown role',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'tool', content: 'x' }] },
    /^messages\[0\]\.role: expected one of .*"user".*, got "tool"$/,
  ],
  [
    'a list for a content',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'user', content: [] }] },
    /^messages\[0\]\.content: expected string, got an array of 0$/,
  ],
  [
    'a content of 100001 characters',
    'POST',
    ADD,
    said('x'.repeat(100_001)),
    /^messages\[0\]\.content: expected at most 100000 characters, got "x+…$/,
  ],
  [
    'a time that is none',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'user', content: 'x', at: 'yesterday' }] },
    /^messages\[0\]\.at: expected an ISO 8601 time with a zone, got "yesterday"$/,
  ],
  [
    'a time without a zone',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'user', content: 'x', at: '2026-03-01T09:30:00' }] },
    /^messages\[0\]\.at: expected an ISO 8601 time with a zone/,
  ],
  [
    'a day that does not exist',
    'POST',
    ADD,
    { user_id: 'a', messages: [{ role: 'user', content: 'x', at: '2026-02-30T09:30:00Z' }] },
    /^messages\[0\]\.at: expected an ISO 8601 time/,
  ],
  [
    'turn 0',
    'POST',
    ADD,
    said('x', { conversation_id: 'c', turn: 0 }),
    /^turn: expected a whole number from 1.*, got 0$/,
  ],
  [
    'a negative turn',
    'POST',
    ADD,
    said('x', { conversation_id: 'c', turn: -1 }),
    /^turn: expected a whole number from 1.*, got -1$/,
  ],
  [
    'a fraction of a turn',
    'POST',
    ADD,
    said('x', { conversation_id: 'c', turn: 1.5 }),
    /^turn: expected a whole number.*, got 1\.5$/,
  ],
  [
    'turn 2^31',
    'POST',
    ADD,
    said('x', { conversation_id: 'c', turn: 2 ** 31 }),
    /^turn: expected .*2147483647, got 2147483648$/,
  ],
  [
    'a turn as text',
    'POST',
    ADD,
    said('x', { conversation_id: 'c', turn: '1' }),
    /^turn: expected a whole number.*, got "1"$/,
  ],
  [
    'a turn of no conversation',
    'POST',
    ADD,
    said('x', { turn: 1 }),
    /^conversation_id: expected a conversation, since turn is given/,
  ],
  [
    'a mode that needs a model',
    'POST',
    ADD,
    said('x', { mode: 'buffered' }),
    /^mode: expected "verbatim" \(.*\), got "buffered"$/,
  ],
  ['an unknown mode', 'POST', ADD, said('x', { mode: 'fast' }), /^mode: expected one of .*, got "fast"$/],
  [
    'a list for metadata',
    'POST',
    ADD,
    said('x', { metadata: [] }),
    /^metadata: expected an object, got an array of 0$/,
  ],
  [
    'an object within metadata',
    'POST',
    ADD,
    said('x', { metadata: { a: { b: 1 } } }),
    /^metadata\.a: expected .*string.*, got an object$/,
  ],
  [
    'a list of lists within metadata',
    'POST',
    ADD,
    said('x', { metadata: { a: [[1]] } }),
    /^metadata\.a.*: expected .*string.*, got an array of 1$/,
  ],
  [
    '65 keys of metadata',
    'POST',
    ADD,
    said('x', { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, i])) }),
    /^metadata: expected at most 64 keys, got an object$/,
  ],
  [
    'a long text in metadata',
    'POST',
    ADD,
    said('x', { metadata: { a: 'x'.repeat(4097) } }),
    /^metadata\.a: expected .*4096.*, got "x+…$/,
  ],
  [
    'a long list in metadata',
    'POST',
    ADD,
    said('x', { metadata: { a: Array(65).fill(1) } }),
    /^metadata\.a: expected .*64.*, got an array of 65$/,
  ],
  [
    'a long key of metadata',
    'POST',
    ADD,
    said('x', { metadata: { ['k'.repeat(129)]: 1 } }),
    /^metadata\.k+…: expected a key of 1 to 128 characters, got "k+…$/,
  ],
  [
    'an empty key of metadata',
    'POST',
    ADD,
    said('x', { metadata: { '': 1 } }),
    /^metadata\.: expected .*key/,
  ],
  [
    'an empty query',
    'POST',
    RECALL,
    { user_id: 'ada', query: '' },
    /^query: expected a text that is not empty, got ""$/,
  ],
  ['no query', 'POST', SEARCH, { user_id: 'ada' }, /^query: expected string, got nothing$/],
  [
    'top_k 0',
    'POST',
    RECALL,
    { ...query, top_k: 0 },
    /^top_k: expected a whole number from 1 to 100, got 0$/,
  ],
  [
    'top_k 101',
    'POST',
    SEARCH,
    { ...query, top_k: 101 },
    /^top_k: expected a whole number from 1 to 100, got 101$/,
  ],
  [
    'token_budget -1',
    'POST',
    RECALL,
    { ...query, token_budget: -1 },
    /^token_budget: expected a whole number from 0 to 100000, got -1$/,
  ],
  [
    'window_size 501',
    'POST',
    RECALL,
    { ...query, window_size: 501 },
    /^window_size: expected a whole number from 0 to 500, got 501$/,
  ],
  [
    'window_size 2.5',
    'POST',
    RECALL,
    { ...query, window_size: 2.5 },
    /^window_size: expected a whole number from 0 to 500, got 2\.5$/,
  ],
  [
    'an unknown strategy',
    'POST',
    RECALL,
    { ...query, strategy: 'best' },
    /^strategy: expected one of .*, got "best"$/,
  ],
  [
    'an unknown freshness',
    'POST',
    RECALL,
    { ...query, freshness: 'always' },
    /^freshness: expected one of .*, got "always"$/,
  ],
  [
    'a list for filters',
    'POST',
    RECALL,
    { ...query, filters: [] },
    /^filters: expected an object, got an array of 0$/,
  ],
  [
    'a filter on an unknown field',
    'POST',
    RECALL,
    { ...query, filters: { colour: 'red' } },
    /^filters\.colour: expected metadata\.<key>.*, got "colour"$/,
  ],
  [
    'a filter on __proto__',
    'POST',
    RECALL,
    JSON.parse('{"user_id":"ada","query":"x","filters":{"__proto__":{"eq":1}}}'),
    /^filters\.__proto__: expected metadata\.<key>/,
  ],
  [
    'a filter on constructor',
    'POST',
    SEARCH,
    { ...query, filters: { constructor: 'x' } },
    /^filters\.constructor: expected metadata\.<key>/,
  ],
  [
    'an unknown operator',
    'POST',
    SEARCH,
    { ...query, filters: { turn: { near: 1 } } },
    /^filters\.turn: expected one of the operators eq, .*, got "near"$/,
  ],
  [
    'a filter too deep',
    'POST',
    SEARCH,
    { ...query, filters: deep(20) },
    /^filters(\.NOT)+: expected at most 8 levels of nesting/,
  ],
  ['no user of a list', 'GET', ADD, undefined, /^user_id: expected string, got nothing$/],
  [
    'two users of a list',
    'GET',
    `${ADD}?user_id=a&user_id=b`,
    undefined,
    /^user_id: expected string, got an array of 2$/,
  ],
  ['an unknown parameter', 'GET', `${ADD}?user_id=a&page=2`, undefined, /^query: unknown field page/],
  [
    'limit 0',
    'GET',
    `${ADD}?user_id=a&limit=0`,
    undefined,
    /^limit: expected a whole number from 1 to 500, got "?0"?$/,
  ],
  [
    'limit 501',
    'GET',
    `${ADD}?user_id=a&limit=501`,
    undefined,
    /^limit: expected a whole number from 1 to 500, got "?501"?$/,
  ],
  [
    'limit ten',
    'GET',
    `${ADD}?user_id=a&limit=ten`,
    undefined,
    /^limit: expected a whole number from 1 to 500, got "ten"$/,
  ],
  [
    'an unknown order',
    'GET',
    `${ADD}?user_id=a&order=best`,
    undefined,
    /^order: expected one of .*, got "best"$/,
  ],
  [
    'a cursor that is none',
    'GET',
    `${ADD}?user_id=a&cursor=abc`,
    undefined,
    /^cursor: expected the next_cursor of the page before, got "abc"$/,
  ],
  [
    'a cursor of the wrong make',
    'GET',
    `${ADD}?user_id=a&cursor=${btoa('[1.5,"x"]')}`,
    undefined,
    /^cursor: expected the next_cursor/,
  ],
  ['no user of a memory', 'GET', `${ADD}/x`, undefined, /^user_id: expected string, got nothing$/],
  [
    'a correction of nothing',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', reason: 'why not' },
    /^body: expected at least one of memory, topic, .*, metadata$/,
  ],
  [
    'a correction of 10,001 characters',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', memory: 'x'.repeat(10_001) },
    /^memory: expected at most 10000 characters, got "x+…$/,
  ],
  [
    'a correction to spaces',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', memory: ' \n ' },
    /^memory: expected a text that is not empty, got " \\n "$/,
  ],
  [
    'importance 6',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', importance: 6 },
    /^importance: expected a whole number from 1 to 5, got 6$/,
  ],
  [
    'a day that there is not',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', event_date: '2026-02-30' },
    /^event_date: expected a date: YYYY, YYYY-MM or YYYY-MM-DD, got "2026-02-30"$/,
  ],
  [
    'a month that there is not',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', event_date: '2026-13' },
    /^event_date: expected a date: .*, got "2026-13"$/,
  ],
  [
    'an expiry without a zone',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', expires_at: '2026-02-03T10:00:00' },
    /^expires_at: expected an ISO 8601 time with a zone, got "2026-02-03T10:00:00"$/,
  ],
  [
    'a correction of its version',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', memory: 'x', version: 7 },
    /^body: unknown field version/,
  ],
  [
    'a correction of whose it is',
    'PATCH',
    `${ADD}/x`,
    { user_id: 'ada', memory: 'x', agent_id: 'b' },
    /^body: unknown field agent_id/,
  ],
  [
    'version 0',
    'POST',
    `${ADD}/x/restore`,
    { user_id: 'ada', version: 0 },
    /^version: expected a whole number from 1 to \d+, got 0$/,
  ],
  [
    'a moment that is none',
    'GET',
    `${ADD}?user_id=a&as_of=yesterday`,
    undefined,
    /^as_of: expected an ISO 8601 time with a zone, got "yesterday"$/,
  ],
  ['nobody to forget', 'DELETE', ADD, undefined, /^user_id: expected string, got nothing$/],
  [
    'a part of somebody to forget',
    'DELETE',
    `${ADD}?user_id=a&agent_id=b`,
    undefined,
    /^query: unknown field agent_id/,
  ],
  ['no value', 'PUT', '/v1/cache/k', {}, /^value: expected a value \(null is one\), got nothing$/],
  [
    'ttl_s 0',
    'PUT',
    '/v1/cache/k',
    { value: 1, ttl_s: 0 },
    /^ttl_s: expected a number of seconds above 0, got 0$/,
  ],
  [
    'ttl_s of a year',
    'PUT',
    '/v1/cache/k',
    { value: 1, ttl_s: 31_536_000 },
    /^ttl_s: expected at most 2592000 seconds \(30 days\), got 31536000$/,
  ],
  [
    'ttl_s as text',
    'PUT',
    '/v1/cache/k',
    { value: 1, ttl_s: '60' },
    /^ttl_s: expected a number of seconds, got "60"$/,
  ],
  [
    'turn 0 of a read',
    'GET',
    '/v1/cache/k?turn=0',
    undefined,
    /^turn: expected a whole number from 1.*, got "?0"?$/,
  ],
  [
    'turn abc of a read',
    'GET',
    '/v1/cache/k?turn=abc',
    undefined,
    /^turn: expected a whole number.*, got "abc"$/,
  ],
  [
    'window_size 501 of a read',
    'GET',
    '/v1/cache/k?window_size=501',
    undefined,
    /^window_size: expected a whole number from 0 to 500, got "?501"?$/,
  ],
  [
    'a key of 513 characters',
    'GET',
    `/v1/cache/${'k'.repeat(513)}`,
    undefined,
    /^key: expected at most 512 characters, got "k+…$/,
  ],
]

describe('what cannot be right is answered with the field, what was expected and what came:', () => {
  it.each(INVALID)('%s', async (_name, method, path, body, message) => {
    const { call } = testApp()
    const answer = await call(method, path, body)
    expect(answer.body).toEqual({
      error: {
        code: 'invalid_request',
        message: expect.stringMatching(message),
        details: [expect.objectContaining({ field: expect.any(String), message: expect.any(String) })],
        request_id: answer.headers.get('x-request-id'),
      },
    })
    expect(answer.status).toBe(400)
  })

  it('several faults at once, each by itself', async () => {
    const { call } = testApp()
    const { body } = await call('POST', RECALL, { user_id: '', query: 7, top_k: 0 })
    expect(body.error.details).toEqual([
      { field: 'query', message: 'expected string', received: '7' },
      { field: 'user_id', message: 'expected a text that is not empty', received: '""' },
      { field: 'top_k', message: 'expected a whole number from 1 to 100', received: '0' },
    ])
  })

  it.each([
    ['values', { metadata: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, {}])) }],
    ['messages', { messages: Array(1000).fill(0) }],
    ['fields', Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, 1]))],
    ['characters of a field', { ['k'.repeat(100_000)]: 1, metadata: { ['m'.repeat(100_000)]: 1 } }],
    ['characters of a filter', { filters: { ['k'.repeat(100_000)]: 1 } }],
    ['characters of an operator', { filters: { turn: { ['k'.repeat(100_000)]: 1 } } }],
  ])('thousands of faulty %s in an answer of bounded length', async (name, rest) => {
    const { call } = testApp()
    const [path, body] =
      name.includes('filter') || name.includes('operator') ? [RECALL, query] : [ADD, said('x')]
    const answer = await call('POST', path, { ...body, ...rest })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body).length).toBeLessThan(5000)
  })
})

describe('a body that cannot be read', () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) => ({
    method: 'POST',
    headers,
    body,
  })

  it.each([
    ['cut off', '{"user_id":'],
    ['empty', ''],
    ['not JSON', 'user_id=ada'],
  ])('because it is %s is invalid', async (_name, text) => {
    const { fetch } = testApp()
    for (const path of [ADD, SEARCH, RECALL]) {
      const response = await fetch(path, post(text, { 'content-type': 'application/json' }))
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: { code: 'invalid_request', message: 'body: malformed JSON in request body' },
      })
    }
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    undefined,
  ])('because it comes as %s is of an unsupported type', async (type) => {
    const { fetch } = testApp()
    const bytes = new TextEncoder().encode(JSON.stringify(said('x')))
    for (const path of [ADD, SEARCH, RECALL]) {
      const response = await fetch(path, post(bytes, type === undefined ? {} : { 'content-type': type }))
      expect(response.status).toBe(415)
      expect(await response.json()).toMatchObject({
        error: {
          code: 'unsupported_media_type',
          message: expect.stringMatching(/^Content-Type: expected application\/json/),
        },
      })
    }
    const put = await fetch('/v1/cache/k', {
      ...post(bytes, type === undefined ? {} : { 'content-type': type }),
      method: 'PUT',
    })
    expect(put.status).toBe(415)
  })

  it('is taken with the types that mean JSON', async () => {
    const { fetch } = testApp()
    for (const type of [
      'application/json; charset=utf-8',
      'Application/JSON',
      'application/merge-patch+json',
    ]) {
      const response = await fetch(ADD, post(JSON.stringify(said('I like tea.')), { 'content-type': type }))
      expect([type, response.status]).toEqual([type, 200])
    }
  })

  it('because it is too large is refused, said or not how large it is', async () => {
    const { fetch } = testApp({ maxBodyBytes: 2000 })
    const text = JSON.stringify(said('x'.repeat(2000)))
    const refused = { error: { code: 'payload_too_large', message: 'body: expected at most 2000 bytes' } }
    for (const headers of [{ 'content-length': String(text.length) }, {}]) {
      const response = await fetch(ADD, post(text, { 'content-type': 'application/json', ...headers }))
      expect(response.status).toBe(413)
      expect(await response.json()).toMatchObject(refused)
    }
    const stream = new Blob([text]).stream()
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stream,
      duplex: 'half',
    }
    const response = await fetch(RECALL, init as RequestInit)
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject(refused)
  })

  it('because it is nested without end harms nobody', async () => {
    const { fetch } = testApp()
    const nested = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const json = { 'content-type': 'application/json' }
    for (const [path, method, body] of [
      ['/v1/cache/k', 'PUT', `{"value":${nested}}`],
      [RECALL, 'POST', `{"user_id":"ada","query":"x","filters":{"AND":${nested}}}`],
      [ADD, 'POST', `{"user_id":"ada","messages":${nested}}`],
      [
        ADD,
        'POST',
        `{"user_id":"ada","messages":[{"role":"user","content":"x"}],"metadata":{"a":${nested}}}`,
      ],
    ] as const) {
      const response = await fetch(path, { method, headers: json, body })
      expect([path, response.status]).toEqual([path, 400])
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } })
    }
  })
})

describe('what is not there', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['POST', '/v1/memories/x/y'],
    ['DELETE', '/v1/recall'],
    ['GET', '/nothing'],
    ['GET', '/v1/cache/'],
  ])('is answered with 404: %s %s', async (method, path) => {
    const { call } = testApp()
    const { status, body } = await call(method, path)
    expect({ status, body }).toMatchObject({
      status: 404,
      body: {
        error: {
          code: 'not_found',
          message: `no such path: ${method} ${path}`,
          request_id: expect.any(String),
        },
      },
    })
  })

  it('is a memory of another user', async () => {
    const { call } = testApp()
    const { body } = await call('POST', ADD, said('I live in Kyoto.'))
    const { id } = body.events[0]
    for (const method of ['GET', 'DELETE']) {
      const answer = await call(method, `${ADD}/${id}?user_id=bob`)
      expect(answer).toMatchObject({
        status: 404,
        body: { error: { code: 'not_found', message: `id: no memory "${id}" of this user` } },
      })
    }
    expect((await call('GET', `${ADD}/${id}?user_id=ada`)).status).toBe(200)
  })

  it('is an experiment that nobody made', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', RECALL, { ...query, experiment: 'cached-or-not' })
    expect({ status, body }).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found', message: 'experiment: no experiment "cached-or-not"' } },
    })
  })
})

describe('metadata', () => {
  it('keeps keys that objects have of themselves', async () => {
    const { call } = testApp()
    const metadata = { constructor: 'x', toString: 'y', hasOwnProperty: 'z' }
    const added = await call('POST', ADD, said('I like tea.', { metadata }))
    const { body } = await call('GET', `${ADD}/${added.body.events[0].id}?user_id=ada`)
    expect(body.metadata).toEqual(metadata)
    const found = await call('POST', SEARCH, {
      ...query,
      filters: { 'metadata.constructor': 'x', 'metadata.valueOf': { exists: false } },
    })
    expect(found.body.memories).toHaveLength(1)
  })

  it('does not lose __proto__ in silence', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', ADD, said('x', { metadata: JSON.parse('{"__proto__":"x"}') }))
    expect({ status, message: body.error?.message }).toEqual({
      status: 400,
      message: expect.stringMatching(/^metadata\.__proto__: expected another key/),
    })
  })
})

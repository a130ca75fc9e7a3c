import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'
import { BAD_INPUT } from './bad-input-cases.ts'

const ADD = '/v1/memories'
const SEARCH = '/v1/memories/search'
const RECALL = '/v1/recall'
const query = { user_id: 'ada', query: 'tea' }

describe('an invalid request returns 400 with field, expected and received value:', () => {
  it.each(BAD_INPUT)('%s', async (_name, method, path, body, message) => {
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

  it('several invalid fields, one entry each', async () => {
    const { call } = testApp()
    const { body } = await call('POST', RECALL, { user_id: '', query: 7, top_k: 0 })
    expect(body.error.details).toEqual([
      { field: 'query', message: 'expected string', received: '7' },
      { field: 'user_id', message: 'expected a non-empty string', received: '""' },
      { field: 'top_k', message: 'expected an integer from 1 to 100', received: '0' },
    ])
  })

  it.each([
    ['values', { metadata: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, {}])) }],
    ['messages', { messages: Array(1000).fill(0) }],
    ['fields', Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, 1]))],
    ['characters of a field', { ['k'.repeat(100_000)]: 1, metadata: { ['m'.repeat(100_000)]: 1 } }],
    ['characters of a filter', { filters: { ['k'.repeat(100_000)]: 1 } }],
    ['characters of an operator', { filters: { turn: { ['k'.repeat(100_000)]: 1 } } }],
  ])('thousands of invalid %s in a response of bounded length', async (name, rest) => {
    const { call } = testApp()
    const [path, body] =
      name.includes('filter') || name.includes('operator') ? [RECALL, query] : [ADD, said('x')]
    const answer = await call('POST', path, { ...body, ...rest })
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.body).length).toBeLessThan(5000)
  })
})

describe('an unreadable body', () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) => ({
    method: 'POST',
    headers,
    body,
  })

  it.each([
    ['cut off', '{"user_id":'],
    ['empty', ''],
    ['not JSON', 'user_id=ada'],
  ])('returns 400 if it is %s', async (_name, text) => {
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
  ])('returns 415 for the content type %s', async (type) => {
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

  it('is accepted with every JSON content type', async () => {
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

  it('returns 413 if it is too large, with and without Content-Length', async () => {
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

  it('returns 400 if it is nested too deeply', async () => {
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

describe('an unknown resource', () => {
  it.each([
    ['GET', '/v1/nothing'],
    ['POST', '/v1/memories/x/y'],
    ['GET', '/nothing'],
    ['GET', '/v1/cache/'],
  ])('returns 404: %s %s', async (method, path) => {
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

  it('includes memories of other users', async () => {
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
})

describe('metadata', () => {
  it('keeps keys that are also properties of Object.prototype', async () => {
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

  it('rejects __proto__ instead of dropping it', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', ADD, said('x', { metadata: JSON.parse('{"__proto__":"x"}') }))
    expect({ status, message: body.error?.message }).toEqual({
      status: 400,
      message: expect.stringMatching(/^metadata\.__proto__: expected another key/),
    })
  })
})

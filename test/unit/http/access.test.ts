import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const ONE = 'key-of-namespace-one'
const TWO = 'key-of-namespace-two'
const apiKeys = [
  { namespace: 'one', sha256: sha256Of(ONE) },
  { namespace: 'two', sha256: sha256Of(TWO) },
  { namespace: 'one', sha256: sha256Of('second-key-of-one') },
]
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

describe('with API keys', () => {
  it('a key gives access to its namespace only', async () => {
    const { call } = testApp({ apiKeys })
    const added = await call('POST', '/v1/memories', said('I live in Kyoto.'), bearer(ONE))
    const { id } = added.body.events[0]
    const recall = { user_id: 'ada', query: 'Kyoto' }
    expect((await call('POST', '/v1/recall', recall, bearer('second-key-of-one'))).body.count).toBe(1)
    expect((await call('POST', '/v1/recall', recall, bearer(TWO))).body.count).toBe(0)
    expect((await call('GET', `/v1/memories/${id}?user_id=ada`, undefined, bearer(TWO))).status).toBe(404)
    expect((await call('DELETE', `/v1/memories/${id}?user_id=ada`, undefined, bearer(TWO))).status).toBe(404)
    expect((await call('GET', '/v1/memories?user_id=ada', undefined, bearer(TWO))).body.memories).toEqual([])
    // A user id cannot address another namespace.
    for (const user of ['../one/ada', 'one/ada', '%2Fone/ada']) {
      expect((await call('POST', '/v1/recall', { ...recall, user_id: user }, bearer(TWO))).body.count).toBe(0)
    }
    await call('PUT', '/v1/cache/k', { value: 1 }, bearer(ONE))
    expect((await call('GET', '/v1/cache/k', undefined, bearer(TWO))).body.status).toBe('miss')
    expect((await call('DELETE', '/v1/cache/k', undefined, bearer(TWO))).body.status).toBe('absent')
    expect((await call('GET', '/v1/cache/k', undefined, bearer(ONE))).body.status).toBe('hit')
  })

  it('GET /v1/status returns the namespace of the key', async () => {
    const { call } = testApp({ apiKeys })
    expect((await call('GET', '/v1/status', undefined, bearer(TWO))).body).toEqual({
      service: 'hippocache',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      namespace: 'two',
      backends: {
        records: 'sqlite',
        cache: 'in-process',
        queue: 'none',
        language_model: 'none',
        embedder: expect.stringMatching(/^lexical/),
      },
    })
  })

  it.each([
    ['no key', {}],
    ['a wrong key', bearer('key-of-namespace-onf')],
    ['a prefix of a key', bearer(ONE.slice(0, -1))],
    ['the hash of a key', bearer(`sha256:${sha256Of(ONE).toString('hex')}`)],
    ['an empty key', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Basic ${ONE}` }],
    ['two keys', { authorization: `Bearer ${ONE} ${TWO}` }],
  ])('%s returns 401 on every path of the API, including unknown paths', async (_name, headers) => {
    const { call } = testApp({ apiKeys })
    for (const [method, path, body] of [
      ['POST', '/v1/memories', said('x')],
      ['GET', '/v1/memories?user_id=ada', undefined],
      ['GET', '/v1/memories/x?user_id=ada', undefined],
      ['DELETE', '/v1/memories/x?user_id=ada', undefined],
      ['POST', '/v1/memories/search', {}],
      ['POST', '/v1/recall', {}],
      ['GET', '/v1/cache/k', undefined],
      ['PUT', '/v1/cache/k', {}],
      ['DELETE', '/v1/cache/k', undefined],
      ['GET', '/v1/status', undefined],
      ['GET', '/v1/nothing', undefined],
      ['GET', '/v1', undefined],
    ] as const) {
      const answer = await call(method, path, body, headers as Record<string, string>)
      expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer'])
      expect(answer.body.error).toEqual({
        code: 'unauthorized',
        message: expect.stringMatching(/^Authorization: /),
        request_id: answer.headers.get('x-request-id'),
      })
      expect(JSON.stringify(answer.body)).not.toContain('namespace')
    }
  })

  it('the scheme is case-insensitive', async () => {
    const { call } = testApp({ apiKeys })
    expect((await call('GET', '/v1/status', undefined, { authorization: `bearer  ${ONE}` })).status).toBe(200)
  })

  it('health checks and /openapi.json need no key', async () => {
    const { call } = testApp({ apiKeys })
    expect((await call('GET', '/healthz')).body).toMatchObject({ status: 'ok', service: 'hippocache' })
    expect((await call('GET', '/readyz')).status).toBe(200)
    expect((await call('GET', '/openapi.json')).status).toBe(200)
  })

  it('accepts any host name', async () => {
    const { call } = testApp({ apiKeys })
    expect(
      (await call('GET', '/v1/status', undefined, { ...bearer(ONE), host: 'memory.example.com' })).status,
    ).toBe(200)
  })
})

describe('without API keys', () => {
  it.each([
    'localhost',
    'LOCALHOST:8484',
    '127.0.0.1',
    '127.0.0.1:8484',
    '127.1.2.3:80',
    '[::1]',
    '[::1]:8484',
  ])('accepts the host %s', async (host) => {
    const { call } = testApp()
    expect((await call('GET', '/v1/status', undefined, { host })).body.namespace).toBe('default')
  })

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1:8484',
    'localhost:8484.evil.example',
    'evil.example:8484',
    '',
  ])('returns 403 on every path for the host %j', async (host) => {
    const { call } = testApp()
    for (const path of ['/v1/status', '/v1/memories?user_id=ada', '/openapi.json', '/healthz']) {
      const { status, body } = await call('GET', path, undefined, { host })
      expect({ path, status, code: body.error?.code }).toEqual({ path, status: 403, code: 'forbidden' })
      expect(body.error.message).toMatch(/^Host: expected localhost .* got /)
    }
  })
})

describe('a request id', () => {
  it('is returned, unique for each request', async () => {
    const { fetch } = testApp()
    const ids = await Promise.all(
      ['/healthz', '/healthz', '/nothing'].map(async (path) =>
        (await fetch(path)).headers.get('x-request-id'),
      ),
    )
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('is taken from X-Request-Id if it is well-formed', async () => {
    const { call } = testApp()
    for (const path of ['/healthz', '/nothing', '/v1/memories']) {
      const { headers, body } = await call('GET', path, undefined, { 'x-request-id': 'proxy:1.a_b-c' })
      expect(headers.get('x-request-id')).toBe('proxy:1.a_b-c')
      if (body.error) expect(body.error.request_id).toBe('proxy:1.a_b-c')
    }
  })

  it.each(['x'.repeat(129), 'a b', '{"a":1}', 'é'])(
    'is generated if X-Request-Id is malformed: %s',
    async (given) => {
      const { fetch } = testApp()
      const response = await fetch('/healthz', { headers: { 'x-request-id': given } })
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    },
  )
})

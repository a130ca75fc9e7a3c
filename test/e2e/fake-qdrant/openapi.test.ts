import { describe, expect, it } from 'vitest'
import { checkAgainst } from '../../helpers/fake-qdrant/openapi.ts'
import { OPENAPI, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'

const POINTS = '/collections/c/points'
const NO_QUERY = new URLSearchParams()

describe.skipIf(!OPENAPI)('the OpenAPI document of Qdrant (set QDRANT_OPENAPI to its file)', () => {
  const check = () => checkAgainst(OPENAPI as string)

  it.each<[string, string, string, string, unknown]>([
    ['a path that is not there', 'POST', '/collections/c/pointz', '', {}],
    ['a method that is not there', 'PATCH', `${POINTS}/scroll`, '', {}],
    ['a parameter that is not there', 'POST', `${POINTS}/batch`, 'weight=true', { operations: [] }],
    ['a parameter of another kind', 'POST', `${POINTS}/batch`, 'wait=perhaps', { operations: [] }],
    [
      'a value that is not listed',
      'POST',
      `${POINTS}/batch`,
      'ordering=initialCapabilities',
      { operations: [] },
    ],
    ['a body that lacks what is required', 'POST', POINTS, '', { with_payload: true }],
    ['a misspelt option', 'POST', `${POINTS}/scroll`, '', { with_payloads: true }],
    [
      'a misspelt option deep inside',
      'POST',
      `${POINTS}/scroll`,
      '',
      { order_by: { key: 'a', start_form: 1 } },
    ],
    ['an option of another type', 'POST', `${POINTS}/scroll`, '', { limit: '10' }],
    ['a condition that is none', 'POST', `${POINTS}/count`, '', { filter: { must: [{ kee: 'scope' }] } }],
    ['a body where none is taken', 'GET', '/collections', '', { all: true }],
  ])('finds %s', (_name, method, path, query, body) => {
    expect(check().request(method, path, new URLSearchParams(query), body)).toBeDefined()
  })

  it('takes what is right, and null where it may be', () => {
    const body = { filter: null, limit: 10, order_by: { key: 'order', start_from: 3, direction: null } }
    expect(
      check().request('POST', `${POINTS}/scroll`, new URLSearchParams('timeout=3'), body),
    ).toBeUndefined()
    expect(check().request('GET', '/aliases', NO_QUERY, undefined)).toBeUndefined()
  })

  it('finds an answer that Qdrant would not give', () => {
    const answer = (result: unknown) =>
      check().answer('POST', `${POINTS}/count`, 200, { result, status: 'ok', time: 0 })
    expect(answer({ count: 3 })).toBeUndefined()
    expect(answer({ count: '3' })).toBeDefined()
    expect(answer({})).toBeDefined()
  })

  it('is what the stand-in refuses requests by, and fails with when it is disposed of', async () => {
    const server = await startFakeQdrant()
    const response = await fetch(`${server.url}${POINTS}/scroll`, { method: 'POST', body: '{"limt":1}' })
    expect(response.status).toBe(400)
    await expect(server[Symbol.asyncDispose]()).rejects.toThrow(
      /violations of Qdrant's OpenAPI document: POST .*scroll/,
    )
  })
})

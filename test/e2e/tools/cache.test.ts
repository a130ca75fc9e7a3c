import { beforeEach, describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { USE } from '../../helpers/tools/scenarios.ts'
import { json, raw } from '../../helpers/tools/stub-sidecar.ts'

const stub = await useStub()
const run = (tool: string, parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, tool, parameters, more)

describe('cache_get', () => {
  const answer = (value: unknown, more = {}) =>
    json(200, {
      status: 'hit',
      reason: 'hit',
      value,
      age_turns: 2,
      age_s: 61.5,
      serves_until_turn: 12,
      ...more,
    })

  it('sends the key with its turn and window', async () => {
    stub.script = answer('x')
    await run('cache_get', { key: 'mem:u/1:c?é', conversation_id: 'c1', turn: 5, window_size: 20 })
    expect(stub.calls[0]).toMatchObject({
      method: 'GET',
      path: '/v1/cache/mem%3Au%2F1%3Ac%3F%C3%A9',
      query: { conversation_id: 'c1', turn: '5', window_size: '20' },
    })
  })

  it('defaults to a window of 10, and sends no window without a turn', async () => {
    stub.script = answer('x')
    await run('cache_get', { key: 'k', conversation_id: 'c1', turn: 5 })
    await run('cache_get', { key: 'k', window_size: 20, turn: 5 })
    expect(stub.calls.map(({ query }) => query)).toEqual([
      { conversation_id: 'c1', turn: '5', window_size: '10' },
      {},
    ])
  })

  it.each([
    ['text', 'text', {}],
    ['{"a":1}', '{"a":1}', { a: 1 }],
    [{ a: [1] }, '{"a":[1]}', { a: [1] }],
    [[1, 2], '[1,2]', {}],
    ['[1]', '[1]', {}],
    ['{broken', '{broken', {}],
    [12, '12', {}],
    [false, 'false', {}],
    [null, '', {}],
  ])('returns the cached value %j as text and as object', async (kept, value, value_json) => {
    stub.script = answer(kept)
    const { variables, text } = await run('cache_get', { key: 'k' })
    expect(variables).toEqual({ status: 'hit', value, value_json, age_turns: 2, age_s: 61.5, error: '' })
    expect(text).toBe('Found in the cache, set 2 turns ago.')
  })

  it('returns neutral outputs on a miss', async () => {
    stub.script = answer(null, { status: 'miss', reason: 'absent', age_turns: null, age_s: null })
    const { variables, json: objects } = await run('cache_get', { key: 'k' })
    expect(variables).toEqual({
      status: 'miss',
      value: '',
      value_json: {},
      age_turns: -1,
      age_s: -1,
      error: '',
    })
    expect(objects[0]).toMatchObject({ status: 'miss', reason: 'absent' })
  })

  it("reports a miss with an error when the sidecar's cache backend is down", async () => {
    stub.script = answer(null, { status: 'miss', reason: 'backend', age_turns: null, age_s: null })
    const { variables, json: objects, text } = await run('cache_get', { key: 'k' })
    expect(variables).toMatchObject({
      status: 'miss',
      value: '',
      error: expect.stringContaining('did not answer'),
    })
    expect(objects[0]).toMatchObject({ status: 'miss', reason: 'backend' })
    expect(text).toBe(variables['error'])
  })

  it('returns the age of a stale value but not the value', async () => {
    stub.script = answer('{"old":1}', { status: 'stale', reason: 'window', age_turns: 11 })
    const { variables } = await run('cache_get', { key: 'k' })
    expect(variables).toMatchObject({ status: 'stale', value: '', value_json: {}, age_turns: 11 })
  })

  it.each(['.', '..'])('rejects the key %j, which is a folder in a URL', async (key) => {
    const { variables } = await run('cache_get', { key })
    expect(variables['error']).toBe(`key: expected a name for the value, got ${key}.`)
    expect(stub.calls).toHaveLength(0)
  })
})

describe('cache_set', () => {
  beforeEach(() => {
    stub.script = json(200, { status: 'stored', expires_at: '2026-11-21T00:00:00Z', serves_until_turn: 14 })
  })

  it('sends the value with its turn, window and time to live', async () => {
    const place = { conversation_id: 'c1', turn: 5, window_size: 10 }
    const outcome = await run('cache_set', { key: 'k', value: '- tea', ttl_s: 60, ...place })
    expect(stub.calls[0]).toMatchObject({ method: 'PUT', path: '/v1/cache/k' })
    expect(stub.calls[0]?.body).toEqual({ value: '- tea', ttl_s: 60, ...place })
    expect(outcome.variables).toEqual({ status: 'stored', error: '' })
    expect(outcome.json[0]).toMatchObject({ serves_until_turn: 14 })
  })

  it('sends text unchanged', async () => {
    const value = ' {"a": 1}\n\t"é漢字😀" '
    await run('cache_set', { key: 'k', value })
    expect(stub.calls[0]?.body).toEqual({ value })
  })

  it.each(['', '  '])('skips the empty value %j, as a failed node outputs', async (value) => {
    const { variables } = await run('cache_set', { key: 'k', value })
    expect(variables).toEqual({ status: 'skipped', error: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it('rejects an invalid time to live', async () => {
    const { variables } = await run('cache_set', { key: 'k', value: 'v', ttl_s: 0 })
    expect(variables).toEqual({ status: 'error', error: 'ttl_s: expected an integer ≥ 1, got 0.' })
  })
})

describe.each(['cache_get', 'cache_set'])('%s under identity: runtime', (tool) => {
  const credentials = { identity: 'runtime' }
  beforeEach(() => {
    stub.script = json(200, { status: tool === 'cache_get' ? 'miss' : 'stored', value: null })
  })

  it('scopes the key to the current user', async () => {
    await run(tool, { key: 'k', value: 'v' }, { credentials, userId: 'real' })
    expect(stub.calls[0]?.path).toBe('/v1/cache/user%3Areal%3Ak')
  })

  it('fails when Dify names no user', async () => {
    const { variables } = await run(tool, { key: 'k', value: 'v' }, { credentials, userId: null })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringContaining('Dify named no user') })
  })
})

it.each(['the sidecar', 'a proxy'])(
  'Cache Set removes the earlier value when %s refuses the new one as too large',
  async (refusing) => {
    const error = { code: 'payload_too_large', message: 'The body is too large.' }
    stub.script = (received, ...rest) =>
      received.method === 'DELETE'
        ? json(200, { status: 'deleted' })(received, ...rest)
        : refusing === 'a proxy'
          ? raw(413, 'text/html', '<h1>413</h1>')(received, ...rest)
          : json(413, { error })(received, ...rest)
    const { variables } = await runNode(stub, 'cache_set', USE['cache_set'] ?? {})
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(/too large|size/) })
    expect(stub.calls.map(({ method }) => method)).toEqual(['PUT', 'DELETE'])
    expect(stub.calls[1]?.path).toBe(stub.calls[0]?.path)
  },
)

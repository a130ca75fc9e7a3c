import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Invocation, mismatches, runTool } from './run-tool.ts'
import { json, type StubSidecar, startStub } from './stub-sidecar.ts'

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
})

async function run(tool: string, parameters: Record<string, unknown>, more: Invocation = {}) {
  const credentials = { sidecar_url: stub.url, ...more.credentials }
  const outcome = await runTool({ ...more, tool, parameters, credentials })
  expect(outcome.error).toBeUndefined()
  expect(mismatches(tool, outcome.variables)).toEqual([])
  return outcome
}

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

  it('asks for the key with its turn and window', async () => {
    stub.script = answer('x')
    await run('cache_get', { key: 'mem:u/1:c?é', conversation_id: 'c1', turn: 5, window_size: 20 })
    expect(stub.calls[0]).toMatchObject({
      method: 'GET',
      path: '/v1/cache/mem%3Au%2F1%3Ac%3F%C3%A9',
      query: { conversation_id: 'c1', turn: '5', window_size: '20' },
    })
  })

  it('takes 10 for an unbound window, and no window without a turn', async () => {
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
  ])('gives the kept value %j as text and as object', async (kept, value, value_json) => {
    stub.script = answer(kept)
    const { variables, text } = await run('cache_get', { key: 'k' })
    expect(variables).toEqual({ status: 'hit', value, value_json, age_turns: 2, age_s: 61.5, error: '' })
    expect(text).toBe('Found in the cache, set 2 turns ago.')
  })

  it('is neutral on a miss', async () => {
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

  it('goes on without the value when the cache of the sidecar is away, and says why', async () => {
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

  it('keeps a stale value out of the flow, and tells its age', async () => {
    stub.script = answer('{"old":1}', { status: 'stale', reason: 'window', age_turns: 11 })
    const { variables } = await run('cache_get', { key: 'k' })
    expect(variables).toMatchObject({ status: 'stale', value: '', value_json: {}, age_turns: 11 })
  })

  it.each(['.', '..'])('refuses the key %j, which a URL would swallow', async (key) => {
    const { variables } = await run('cache_get', { key })
    expect(variables['error']).toBe(`key: expected a name for the value, came ${key}.`)
    expect(stub.calls).toHaveLength(0)
  })
})

describe('cache_set', () => {
  beforeEach(() => {
    stub.script = json(200, { status: 'stored', expires_at: '2026-11-21T00:00:00Z', serves_until_turn: 14 })
  })

  it('keeps a value with its turn, window and time to live', async () => {
    const place = { conversation_id: 'c1', turn: 5, window_size: 10 }
    const outcome = await run('cache_set', { key: 'k', value: '- tea', ttl_s: 60, ...place })
    expect(stub.calls[0]).toMatchObject({ method: 'PUT', path: '/v1/cache/k' })
    expect(stub.calls[0]?.body).toEqual({ value: '- tea', ttl_s: 60, ...place })
    expect(outcome.variables).toEqual({ status: 'stored', error: '' })
    expect(outcome.json[0]).toMatchObject({ serves_until_turn: 14 })
  })

  it('keeps text to the byte', async () => {
    const value = ' {"a": 1}\n\t"é漢字😀" '
    await run('cache_set', { key: 'k', value })
    expect(stub.calls[0]?.body).toEqual({ value })
  })

  it.each(['', '  '])('skips the empty value %j, which a failed node leaves behind', async (value) => {
    const { variables } = await run('cache_set', { key: 'k', value })
    expect(variables).toEqual({ status: 'skipped', error: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it('answers a wrong time to live with an error', async () => {
    const { variables } = await run('cache_set', { key: 'k', value: 'v', ttl_s: 0 })
    expect(variables).toEqual({ status: 'error', error: 'ttl_s: expected a whole number from 1, came 0.' })
  })
})

describe.each(['cache_get', 'cache_set'])('%s under identity: runtime', (tool) => {
  const credentials = { identity: 'runtime' }
  beforeEach(() => {
    stub.script = json(200, { status: tool === 'cache_get' ? 'miss' : 'stored', value: null })
  })

  it('keeps keys private to the current user', async () => {
    await run(tool, { key: 'k', value: 'v' }, { credentials, userId: 'real' })
    expect(stub.calls[0]?.path).toBe('/v1/cache/user%3Areal%3Ak')
  })

  it('answers with an error where Dify names no user', async () => {
    const { variables } = await run(tool, { key: 'k', value: 'v' }, { credentials, userId: null })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringContaining('Dify gave no user') })
  })
})

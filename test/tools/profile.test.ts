import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Invocation, mismatches, runTool } from './run-tool.ts'
import { json, type StubSidecar, startStub } from './stub-sidecar.ts'

const HOME = {
  id: 'm1',
  memory: 'Lives in Porto',
  importance: 5,
  at: '2026-03-01T10:00:00.000Z',
  event_date: null,
}
const ANSWER = {
  topics: [{ topic: 'basic_info', sub_topics: [{ sub_topic: 'home', memories: [HOME] }] }],
  static: [{ ...HOME, topic: 'basic_info', sub_topic: 'home' }],
  recent: [],
  text: '<memories>\n# basic_info\n- home: Lives in Porto\n</memories>',
  tokens: 20,
  count: 1,
  left_out: 0,
}
const EMPTY = { topics: [], static: [], recent: [], text: '', tokens: 0, count: 0, left_out: 0 }

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
  stub.script = json(200, ANSWER)
})

async function profile(parameters: Record<string, unknown>, more: Invocation = {}) {
  const credentials = { sidecar_url: stub.url, ...more.credentials }
  const outcome = await runTool({ ...more, tool: 'profile', parameters, credentials })
  expect(outcome.error).toBeUndefined()
  expect(mismatches('profile', outcome.variables)).toEqual([])
  return outcome
}

describe('profile', () => {
  it('fills every output from the answer', async () => {
    const { variables, json, text } = await profile({ user_id: 'u1' })
    const { topics, static: stays, recent } = ANSWER
    expect(variables).toEqual({
      context: ANSWER.text,
      profile: { topics, static: stays, recent },
      count: 1,
      status: 'ok',
      error: '',
    })
    expect(text).toBe('1 memory by topic.')
    expect(json).toEqual([
      { status: 'ok', count: 1, error: '', topics, left_out: 0, took_ms: { round_trip: expect.any(Number) } },
    ])
  })

  it('asks with its defaults where nothing is bound', async () => {
    await profile({ user_id: 'u1', token_budget: '', topics: ' ', agent_id: null })
    expect(stub.calls[0]).toMatchObject({ method: 'GET', path: '/v1/profile', body: undefined })
    expect(stub.calls[0]?.query).toEqual({ user_id: 'u1', token_budget: '800' })
  })

  it('passes on whatever is bound', async () => {
    await profile({ user_id: 'ü & 1', token_budget: '300', topics: 'work, health', agent_id: 'a1' })
    expect(stub.calls[0]?.query).toEqual({
      ...{ user_id: 'ü & 1', token_budget: '300', topics: 'work, health', agent_id: 'a1' },
    })
  })

  it('tells nothing known from nothing that fits', async () => {
    stub.script = json(200, EMPTY)
    const nothing = await profile({ user_id: 'u1' })
    expect(nothing.variables).toEqual({
      ...{
        context: '',
        profile: { topics: [], static: [], recent: [] },
        count: 0,
        status: 'empty',
        error: '',
      },
    })
    expect(nothing.text).toBe('Nothing is known of the user.')
    stub.script = json(200, { ...EMPTY, left_out: 3 })
    expect((await profile({ user_id: 'u1' })).text).toBe('The token budget is too small.')
    stub.script = json(200, { ...ANSWER, left_out: 3 })
    expect((await profile({ user_id: 'u1' })).text).toBe('1 memory by topic; 3 more found no room.')
  })

  it.each([
    [{ token_budget: 20_001 }, 'token_budget: expected a whole number from 0 to 20000, came 20001.'],
    [{ token_budget: 'much' }, 'token_budget: expected a whole number from 0 to 20000, came "much".'],
    [{ agent_id: 'env.agent' }, /^agent_id: expected .* does not exist here/],
    [{ user_id: 'sys.user_id' }, /^user_id: expected .* does not exist here/],
  ])('answers %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await profile({ user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message), context: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it('is of the current user under identity: runtime', async () => {
    await profile({ user_id: 'victim' }, { credentials: { identity: 'runtime' }, userId: 'real' })
    expect(stub.calls[0]?.query).toMatchObject({ user_id: 'real' })
  })
})

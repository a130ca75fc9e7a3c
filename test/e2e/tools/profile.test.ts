import { describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

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

const stub = await useStub(json(200, ANSWER))
const profile = (parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, 'profile', parameters, more)

describe('profile', () => {
  it('fills every output from the answer', async () => {
    const { variables, json, text } = await profile({ user_id: 'u1' })
    const { topics, static: stays, recent } = ANSWER
    expect(variables).toEqual({
      context: ANSWER.text,
      profile: { topics, static: stays, recent },
      count: 1,
      status: 'ok',
      user_id: 'u1',
      error: '',
    })
    expect(text).toBe('1 memory by topic.')
    expect(json).toEqual([
      {
        status: 'ok',
        count: 1,
        user_id: 'u1',
        error: '',
        topics,
        left_out: 0,
        took_ms: { round_trip: expect.any(Number) },
      },
    ])
  })

  it('sends the defaults', async () => {
    await profile({ user_id: 'u1', token_budget: '', topics: ' ', agent_id: null })
    expect(stub.calls[0]).toMatchObject({ method: 'GET', path: '/v1/profile', body: undefined })
    expect(stub.calls[0]?.query).toEqual({ user_id: 'u1', token_budget: '800' })
  })

  it('sends every bound parameter', async () => {
    await profile({ user_id: 'ü & 1', token_budget: '300', topics: 'work, health', agent_id: 'a1' })
    expect(stub.calls[0]?.query).toEqual({
      ...{ user_id: 'ü & 1', token_budget: '300', topics: 'work, health', agent_id: 'a1' },
    })
  })

  it('distinguishes an empty profile from a token budget that is too small', async () => {
    stub.script = json(200, EMPTY)
    const nothing = await profile({ user_id: 'u1' })
    expect(nothing.variables).toEqual({
      ...{
        context: '',
        profile: { topics: [], static: [], recent: [] },
        count: 0,
        status: 'empty',
        user_id: 'u1',
        error: '',
      },
    })
    expect(nothing.text).toBe('Nothing is known about the user.')
    stub.script = json(200, { ...EMPTY, left_out: 3 })
    expect((await profile({ user_id: 'u1' })).text).toBe('The token budget is too small.')
    stub.script = json(200, { ...ANSWER, left_out: 3 })
    expect((await profile({ user_id: 'u1' })).text).toBe('1 memory by topic; 3 more exceed the token budget.')
  })

  it.each([
    [{ token_budget: 20_001 }, 'token_budget: expected an integer from 0 to 20000, got 20001.'],
    [{ token_budget: 'much' }, 'token_budget: expected an integer from 0 to 20000, got "much".'],
    [{ agent_id: 'env.agent' }, /^agent_id: expected .* does not exist here/],
    [{ user_id: 'sys.user_id' }, /^user_id: expected .* does not exist here/],
  ])('rejects %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await profile({ user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message), context: '' })
    expect(stub.calls).toHaveLength(0)
  })
})

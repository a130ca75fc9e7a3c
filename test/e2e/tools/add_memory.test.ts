import { describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { json, refusal } from '../../helpers/tools/stub-sidecar.ts'

const STORED = {
  status: 'stored',
  turn_id: 't-9',
  turn: 3,
  events: [
    { event: 'ADD', id: 'm1', memory: 'Lives in Lisbon' },
    { event: 'NOOP', id: 'm2', memory: 'Likes tea' },
  ],
  pending: { turns: 0, tokens: 0 },
  took_ms: 4.2,
}

const stub = await useStub(json(200, STORED))
const add = (parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, 'add_memory', parameters, more)

const sent = () => stub.calls[0]?.body

describe('add_memory', () => {
  it('sends every parameter, with both messages', async () => {
    const outcome = await add(
      {
        user: 'I moved to Lisbon.',
        assistant: 'Nice!',
        user_id: ' u1 ',
        conversation_id: 'c1',
        turn: '3',
        mode: 'verbatim',
        remember: 'both',
        user_name: 'Maria',
        assistant_name: 'Bot',
        at: '2026-03-01T09:30:00+01:00',
        metadata: '{"channel": "web"}',
        agent_id: 'a1',
      },
      { appId: 'app-1' },
    )
    expect(stub.calls[0]).toMatchObject({ method: 'POST', path: '/v1/memories' })
    expect(sent()).toEqual({
      user_id: 'u1',
      messages: [
        { role: 'user', content: 'I moved to Lisbon.', name: 'Maria', at: '2026-03-01T09:30:00+01:00' },
        { role: 'assistant', content: 'Nice!', name: 'Bot', at: '2026-03-01T09:30:00+01:00' },
      ],
      conversation_id: 'c1',
      turn: 3,
      agent_id: 'a1',
      app_id: 'app-1',
      metadata: { channel: 'web' },
      mode: 'verbatim',
      remember: 'both',
    })
    expect(outcome.variables).toEqual({
      status: 'stored',
      turn_id: 't-9',
      pending_turns: 0,
      user_id: 'u1',
      error: '',
    })
    expect(outcome.json).toEqual([
      expect.objectContaining({
        status: 'stored',
        events: STORED.events,
        took_ms: expect.objectContaining({ total: 4.2 }),
      }),
    ])
    expect(outcome.text).toBe('Stored 1 new memory.')
  })

  it('omits parameters that are missing, null, blank or {}', async () => {
    const unset = {
      assistant: '',
      conversation_id: null,
      turn: '',
      mode: '',
      remember: null,
      at: ' ',
      metadata: '{}',
    }
    await add({ user: 'Hi', user_id: 'u1', ...unset })
    expect(sent()).toEqual({ user_id: 'u1', messages: [{ role: 'user', content: 'Hi' }] })
  })

  it('reports a buffered turn with the pending turns', async () => {
    stub.script = json(202, {
      status: 'buffered',
      turn_id: 't-1',
      turn: 1,
      pending: { turns: 2, tokens: 80 },
    })
    const outcome = await add({ user: 'Hi', user_id: 'u1' })
    expect(outcome.variables).toEqual({
      status: 'buffered',
      turn_id: 't-1',
      pending_turns: 2,
      user_id: 'u1',
      error: '',
    })
    expect(outcome.text).toBe('Accepted; memories are extracted later.')
  })

  it('skips a turn without text and does not call the sidecar', async () => {
    const outcome = await add({ user: '', assistant: '  ', user_id: 'u1' })
    expect(outcome.variables).toMatchObject({ status: 'skipped', error: '' })
    expect(stub.calls).toHaveLength(0)
  })

  it('defaults to the conversation of the run, and drops the turn without a conversation', async () => {
    await add({ user: 'Hi', user_id: 'u1', turn: 4 }, { conversationId: 'c-run' })
    expect(sent()).toMatchObject({ conversation_id: 'c-run', turn: 4 })
    stub.calls.length = 0
    await add({ user: 'Hi', user_id: 'u1', turn: 4 })
    expect(sent()).not.toHaveProperty('turn')
  })

  it('sends the numbers of metadata with all their digits', async () => {
    await add({ user: 'Hi', user_id: 'u1', metadata: '{"n": [9007199254740993, 1.5]}' })
    expect(stub.calls[0]?.text).toContain('"metadata":{"n":[9007199254740993,1.5]}')
  })

  it.each(['', null, undefined])('counts %j as absent in every optional parameter', async (absent) => {
    const names = ['assistant', 'conversation_id', 'turn', 'mode', 'remember', 'user_name', 'assistant_name']
    const unset = Object.fromEntries([...names, 'at', 'metadata', 'agent_id'].map((name) => [name, absent]))
    await add({ user: 'Hi', user_id: 'u1', ...unset })
    expect(sent()).toEqual({ user_id: 'u1', messages: [{ role: 'user', content: 'Hi' }] })
  })

  it('ignores a conversation id that is the name of a missing variable', async () => {
    await add({ user: 'Hi', user_id: 'u1', conversation_id: 'sys.conversation_id', turn: 1 })
    expect(sent()).toEqual({ user_id: 'u1', messages: [{ role: 'user', content: 'Hi' }] })
  })

  it.each([
    [{ user_id: '' }, 'user_id: expected the id of a user, got nothing. Bind it to sys.user_id.'],
    [
      { user_id: 'sys.user_id' },
      /^user_id: expected the id of a user.*does not exist here, got "sys.user_id"/,
    ],
    [{ turn: -1 }, 'turn: expected an integer ≥ 0, got "-1".'],
    [{ turn: 2.5 }, 'turn: expected an integer ≥ 0, got "2.5".'],
    [{ metadata: "{'channel': 'web'}" }, `metadata: expected a JSON object, got "{'channel': 'web'}".`],
    [{ metadata: '[1]' }, /^metadata: expected a JSON object, got "\[1\]"\.$/],
    [{ at: 'yesterday' }, 'at: expected an ISO 8601 time such as 2026-03-01T09:30:00Z, got "yesterday".'],
    [{ at: '2026-02-30' }, /^at: expected an ISO 8601 time/],
    [{ at: '2026-02-03T25:00' }, /^at: expected an ISO 8601 time/],
  ])('rejects %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await add({ user: 'Hi', user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })

  it.each([
    ['2026-03-01', '2026-03-01T00:00:00.000+00:00'],
    ['2026-03-01T09:30', '2026-03-01T09:30:00.000Z'],
    ['2026-03-01 09:30:15.5', '2026-03-01T09:30:15.500Z'],
    ['2026-03-01 09:30:00-0300', '2026-03-01T09:30:00-03:00'],
  ])('reads the time %s as %s', async (at, expected) => {
    await add({ user: 'Hi', user_id: 'u1', at })
    expect(sent()).toMatchObject({ messages: [{ at: expected }] })
  })

  it("repeats the sidecar's error message", async () => {
    stub.script = refusal(400, 'invalid_request', 'metadata.a: expected a scalar')
    const { variables } = await add({ user: 'Hi', user_id: 'u1', metadata: '{"a": {"b": 1}}' })
    expect(variables['error']).toBe(
      'The sidecar says: metadata.a: expected a scalar (invalid_request, HTTP 400)',
    )
  })
})

it('uses the conversation of the run under identity: runtime', async () => {
  const runtime = { credentials: { identity: 'runtime' }, userId: 'real', conversationId: 'own' }
  await add({ user: 'Hi', user_id: 'victim', conversation_id: 'theirs', turn: 2 }, runtime)
  expect(sent()).toMatchObject({ user_id: 'real', conversation_id: 'own', turn: 2 })
})

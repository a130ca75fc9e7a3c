import { describe, expect, it } from 'vitest'
import { type Invocation, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { json } from '../../helpers/tools/stub-sidecar.ts'

const DONE = {
  status: 'flushed',
  events: [
    { event: 'ADD', id: 'm1', memory: 'Lives in Porto' },
    { event: 'UPDATE', id: 'm2', memory: 'Is a potter', previous: 'Is a nurse' },
    { event: 'NOOP', id: 'm3', memory: 'Has a cat' },
  ],
  reason: null,
  pending: { turns: 0, tokens: 0 },
}

const stub = await useStub(json(200, DONE))
const flush = (parameters: Record<string, unknown>, more: Invocation = {}) =>
  runNode(stub, 'flush_memory', parameters, more)

describe('flush_memory', () => {
  it('fills every output from the answer and does not count NOOP events', async () => {
    const { variables, json, text } = await flush({ user_id: 'u1' })
    const outputs = { status: 'flushed', events: 2, pending_turns: 0, reason: '', user_id: 'u1', error: '' }
    expect(variables).toEqual(outputs)
    expect(text).toBe('2 memories changed.')
    expect(json).toEqual([
      { ...outputs, events: DONE.events.slice(0, 2), took_ms: { round_trip: expect.any(Number) } },
    ])
  })

  it('asks for a model where none is chosen and none answered; a cleared selection is none', async () => {
    stub.script = json(200, {
      ...DONE,
      status: 'failed',
      events: [],
      reason: 'unreachable',
      pending: { turns: 1 },
    })
    const { variables } = await flush({ user_id: 'u1', model: { provider: '', model: '' } })
    expect(variables).toMatchObject({ status: 'failed', error: expect.stringContaining('choose a model') })
    expect(stub.calls.map(({ path }) => path)).toEqual(['/v1/flush'])
  })

  it('waits by default, and flushes all conversations instead of that of the run', async () => {
    await flush({ user_id: 'u1', conversation_id: '', wait: null }, { conversationId: 'c-run' })
    expect(stub.calls[0]).toMatchObject({ method: 'POST', path: '/v1/flush' })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', wait: true })
  })

  it.each<[unknown, boolean]>([
    [true, true],
    ['True', true],
    ['yes', true],
    [1, true],
    [false, false],
    ['false', false],
    [' NO ', false],
    ['0', false],
  ])('reads wait: %j as %j', async (wait, expected) => {
    await flush({ user_id: 'u1', conversation_id: 'c1', wait })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', conversation_id: 'c1', wait: expected })
  })

  it('ends the given conversation, or else that of the run', async () => {
    await flush({ user_id: 'u1', conversation_id: 'c1', end: 'true', wait: false })
    await flush({ user_id: 'u1', end: true }, { conversationId: 'c-run' })
    expect(stub.calls.map(({ body }) => body)).toEqual([
      { user_id: 'u1', conversation_id: 'c1', wait: false, end: true },
      { user_id: 'u1', conversation_id: 'c-run', wait: true, end: true },
    ])
    const { variables } = await flush({ user_id: 'u1', end: true })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(/^conversation_id: /) })
    expect(stub.calls).toHaveLength(2)
  })

  it('reports the pending turns and the reason', async () => {
    stub.script = json(200, {
      ...DONE,
      status: 'failed',
      events: [],
      reason: 'timeout',
      pending: { turns: 2, tokens: 9 },
    })
    const { variables, text } = await flush({ user_id: 'u1' })
    expect(variables).toMatchObject({ status: 'failed', events: 0, pending_turns: 2, reason: 'timeout' })
    expect(text).toBe('No memory changed; 2 turns are still pending (timeout).')
  })

  it('reports a started flush when it does not wait', async () => {
    stub.script = json(200, { ...DONE, status: 'started', events: [], pending: { turns: 1, tokens: 5 } })
    const { variables, text } = await flush({ user_id: 'u1', wait: false })
    expect(variables).toMatchObject({ status: 'started', events: 0, pending_turns: 1 })
    expect(text).toBe('The flush runs in the background.')
  })

  it.each([
    [{ wait: 'maybe' }, 'wait: expected true or false, got "maybe".'],
    [{ wait: 2 }, 'wait: expected true or false, got 2.'],
    [{ conversation_id: 'sys.conversation_id' }, /^conversation_id: expected .* does not exist here/],
  ])('rejects %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await flush({ user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })
})

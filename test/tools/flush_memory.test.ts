import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Invocation, mismatches, runTool } from './run-tool.ts'
import { json, type StubSidecar, silence, startStub } from './stub-sidecar.ts'

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

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
  stub.script = json(200, DONE)
})

async function flush(parameters: Record<string, unknown>, more: Invocation = {}) {
  const credentials = { sidecar_url: stub.url, ...more.credentials }
  const outcome = await runTool({ ...more, tool: 'flush_memory', parameters, credentials })
  expect(outcome.error).toBeUndefined()
  expect(mismatches('flush_memory', outcome.variables)).toEqual([])
  return outcome
}

describe('flush_memory', () => {
  it('fills every output from the answer, and does not count what changed nothing', async () => {
    const { variables, json, text } = await flush({ user_id: 'u1' })
    const outputs = { status: 'flushed', events: 2, pending_turns: 0, reason: '', error: '' }
    expect(variables).toEqual(outputs)
    expect(text).toBe('2 memories changed.')
    expect(json).toEqual([
      { ...outputs, events: DONE.events.slice(0, 2), took_ms: { round_trip: expect.any(Number) } },
    ])
  })

  it('waits where nothing is bound, and flushes all conversations, not that of the run', async () => {
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
  ])('takes wait: %j for %j', async (wait, expected) => {
    await flush({ user_id: 'u1', conversation_id: 'c1', wait })
    expect(stub.calls[0]?.body).toEqual({ user_id: 'u1', conversation_id: 'c1', wait: expected })
  })

  it('says that the conversation is over: the one that is given, else that of the run', async () => {
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

  it('tells what waits on, and why', async () => {
    stub.script = json(200, { ...DONE, events: [], reason: 'timeout', pending: { turns: 2, tokens: 9 } })
    const { variables, text } = await flush({ user_id: 'u1' })
    expect(variables).toMatchObject({ status: 'flushed', events: 0, pending_turns: 2, reason: 'timeout' })
    expect(text).toBe('Nothing new was learned; 2 turns wait on (timeout).')
  })

  it('tells that it has begun where it does not wait', async () => {
    stub.script = json(200, { ...DONE, status: 'started', events: [], pending: { turns: 1, tokens: 5 } })
    const { variables, text } = await flush({ user_id: 'u1', wait: false })
    expect(variables).toMatchObject({ status: 'started', events: 0, pending_turns: 1 })
    expect(text).toBe('Learning has begun.')
  })

  it.each([
    [{ wait: 'maybe' }, 'wait: expected true or false, came "maybe".'],
    [{ wait: 2 }, 'wait: expected true or false, came 2.'],
    [{ conversation_id: 'sys.conversation_id' }, /^conversation_id: expected .* does not exist here/],
  ])('answers %j with an error that names the parameter', async (wrong, message) => {
    const { variables } = await flush({ user_id: 'u1', ...wrong })
    expect(variables).toMatchObject({ status: 'error', error: expect.stringMatching(message) })
    expect(stub.calls).toHaveLength(0)
  })

  it('is for the current user under identity: runtime', async () => {
    await flush({ user_id: 'victim' }, { credentials: { identity: 'runtime' }, userId: 'real' })
    expect(stub.calls[0]?.body).toMatchObject({ user_id: 'real' })
  })

  it('waits ten seconds, not a minute, where it need not wait for a model', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      stub.script = silence
      const arrived = stub.nextCall()
      const running = flush({ user_id: 'u1', wait: false })
      await arrived
      await vi.advanceTimersByTimeAsync(10_000)
      expect((await running).variables['error']).toMatch(/within 10 s/)
    } finally {
      vi.useRealTimers()
    }
  })
})

import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createDispatcher, type DispatcherOptions } from '../../../plugin-sdk/dispatcher.ts'
import type { Handler } from '../../../plugin-sdk/handlers.ts'
import type { Frame } from '../../../plugin-sdk/protocol.ts'
import { createSharedAbort } from '../../../plugin-sdk/transports/transport.ts'
import { request } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { createManualTimers } from '../../helpers/plugin-sdk/helpers.ts'

function setUp(run: Handler, options: Partial<DispatcherOptions> = {}) {
  const frames: Frame[] = []
  const problems: string[] = []
  const gone = createSharedAbort()
  const timers = createManualTimers()
  const dispatcher = createDispatcher({
    handlers: { tool: { run } },
    timers,
    onProblem: (message) => problems.push(message),
    ...options,
  })
  const channel = {
    signal: gone.signal,
    async send(frame: Frame) {
      frames.push(frame)
    },
  }
  const send = (session_id: string, data: object = {}) =>
    dispatcher.receive(
      JSON.stringify(request({ type: 'tool', action: 'run', ...data }, { session_id })),
      channel,
    )
  const types = (id: string) =>
    frames.flatMap((frame) => (frame.event === 'session' && frame.session_id === id ? [frame.data.type] : []))
  const errorOf = (id: string) => {
    const found = frames.find((f) => f.session_id === id && f.event === 'session' && f.data.type === 'error')
    return found?.event === 'session' && found.data.type === 'error' ? found.data.data : undefined
  }
  return { dispatcher, channel, frames, problems, gone, timers, send, types, errorOf }
}

/** A handler that stops until it is told, and says whether its `finally` ran. */
function createGate() {
  const gate = Promise.withResolvers<void>()
  const state = { entered: 0, unwound: 0 }
  const run: Handler = async function* () {
    state.entered += 1
    try {
      yield { step: 1 }
      await gate.promise
      yield { step: 2 }
    } finally {
      state.unwound += 1
    }
  }
  return { run, open: gate.resolve, state }
}

describe('dispatcher', () => {
  it('sends the chunks of a session and then one end', async () => {
    const { dispatcher, send, frames } = setUp(async function* () {
      yield { n: 1 }
      yield { n: 2 }
    })
    send('s')
    await dispatcher.drain()
    expect(frames.map((frame) => frame.data)).toEqual([
      { type: 'stream', data: { n: 1 } },
      { type: 'stream', data: { n: 2 } },
      { type: 'end', data: {} },
    ])
  })

  it.each([
    ['type', { type: 'modell' }, 'Request field data.type: expected one of tool, got "modell"'],
    ['action', { action: 'walk' }, 'Request field data.action: expected one of run, got "walk"'],
    [
      'inherited type',
      { type: 'constructor' },
      'Request field data.type: expected one of tool, got "constructor"',
    ],
    [
      'inherited action',
      { action: 'toString' },
      'Request field data.action: expected one of run, got "toString"',
    ],
  ])(
    'answers an unknown %s with its name, the expected names and the actual one',
    async (_name, data, message) => {
      const { dispatcher, send, types, errorOf } = setUp(async function* () {})
      send('s', data)
      await dispatcher.drain()
      expect(types('s')).toEqual(['error', 'end'])
      expect(errorOf('s')).toMatchObject({ error_type: 'InvalidRequestError', message })
    },
  )

  it('answers a malformed request with a session id, and reports one without', async () => {
    const { dispatcher, channel, types, errorOf, problems, frames } = setUp(async function* () {})
    dispatcher.receive('{"session_id":"s","event":"request","data":{"type":"tool"}}', channel)
    dispatcher.receive('{"event":"request"}', channel)
    dispatcher.receive('Traceback (most recent call last)', channel)
    await dispatcher.drain()
    expect(types('s')).toEqual(['error', 'end'])
    expect(errorOf('s')?.message).toBe('Request field data.action: expected string, received undefined')
    expect(frames).toHaveLength(2)
    expect(problems).toHaveLength(2)
  })

  it('answers an oversize request if its beginning names the session', async () => {
    const { dispatcher, channel, types, problems, frames } = setUp(async function* () {})
    dispatcher.rejectOversize({ bytes: 9, head: '{"session_id":"s","data":{' }, channel)
    dispatcher.rejectOversize({ bytes: 9, head: '{"data":{"session_id":"forged"' }, channel)
    await dispatcher.drain()
    expect(types('s')).toEqual(['error', 'end'])
    expect(frames).toHaveLength(2)
    expect(problems).toHaveLength(1)
  })

  it('rejects sessions over its maximum', async () => {
    const gate = createGate()
    const { dispatcher, send, types, errorOf } = setUp(gate.run, { maxSessions: 2 })
    for (const id of ['a', 'b', 'c']) send(id)
    expect(dispatcher.active).toBe(2)
    gate.open()
    await dispatcher.drain()
    expect(errorOf('c')).toMatchObject({ error_type: 'PluginUnavailableError', args: { limit: 2 } })
    expect([types('a'), types('b'), types('c')]).toEqual([
      ['stream', 'stream', 'end'],
      ['stream', 'stream', 'end'],
      ['error', 'end'],
    ])
    expect(dispatcher.active).toBe(0)
  })

  it('drops a second request of a session in flight', async () => {
    const gate = createGate()
    const { dispatcher, channel, send, types, problems } = setUp(gate.run)
    send('s')
    send('s')
    dispatcher.receive('{"session_id":"s","event":"nonsense"}', channel)
    gate.open()
    await dispatcher.drain()
    expect(types('s')).toEqual(['stream', 'stream', 'end'])
    expect(problems).toHaveLength(2)
  })

  it('rejects new sessions while it drains, and answers those in flight', async () => {
    const gate = createGate()
    const { dispatcher, send, types, errorOf } = setUp(gate.run)
    send('a')
    const drained = dispatcher.drain()
    send('b')
    gate.open()
    await drained
    await dispatcher.drain()
    expect(types('a')).toEqual(['stream', 'stream', 'end'])
    expect(errorOf('b')?.message).toContain('is stopping')
  })

  it('ends a session at its timeout and ignores later chunks', async () => {
    const gate = createGate()
    const { dispatcher, send, types, errorOf, timers } = setUp(gate.run, { sessionTimeoutMs: 600_000 })
    send('s')
    await new Promise(setImmediate)
    timers.advance(599_999)
    await new Promise(setImmediate)
    expect(types('s')).toEqual(['stream'])
    timers.advance(1)
    await dispatcher.drain()
    expect(types('s')).toEqual(['stream', 'error', 'end'])
    expect(errorOf('s')).toMatchObject({ error_type: 'SessionTimeoutError', args: { seconds: 600 } })
    expect(dispatcher.active).toBe(0)
    gate.open()
    await new Promise(setImmediate)
    expect(types('s')).toEqual(['stream', 'error', 'end'])
    expect(gate.state.unwound).toBe(1)
  })

  it('removes its timers and listeners', async () => {
    const { dispatcher, send, timers, gone } = setUp(async function* () {})
    send('s')
    await dispatcher.drain()
    expect(timers.pending).toBe(0)
    expect(getEventListeners(gone.signal, 'abort')).toEqual([])
  })

  it('sends nothing after the channel closed, and aborts the signal of the tool', async () => {
    let signal: AbortSignal | undefined
    const gate = createGate()
    const { dispatcher, send, types, gone } = setUp((envelope, live) => {
      signal = live.signal
      return gate.run(envelope, live)
    })
    send('s')
    await new Promise(setImmediate)
    gone.abort(new Error('gone'))
    await dispatcher.drain()
    expect(signal?.aborted).toBe(true)
    expect(types('s')).toEqual(['stream'])
  })

  it('runs the finally blocks of a tool whose message could not be sent', async () => {
    const gate = createGate()
    const { dispatcher, frames, gone } = setUp(gate.run)
    const channel = {
      signal: gone.signal,
      async send(frame: Frame) {
        if (frame.event === 'session' && frame.data.type === 'stream') throw new RangeError('too large')
        frames.push(frame)
      },
    }
    dispatcher.receive(JSON.stringify(request({ type: 'tool', action: 'run' })), channel)
    await dispatcher.drain()
    expect(frames.map((frame) => frame.event === 'session' && frame.data.type)).toEqual(['error', 'end'])
    expect(gate.state).toEqual({ entered: 1, unwound: 1 })
  })

  it('redacts credentials in errors, except those that are not secret', async () => {
    const label = { en_US: 'x' }
    const { dispatcher, send, errorOf } = setUp(
      // biome-ignore lint/correctness/useYield: throws before it yields
      async function* () {
        throw new Error('sk-12345 at https://host failed')
      },
      { credentials: [{ name: 'url', type: 'text-input', required: true, label }] },
    )
    send('s', { credentials: { api_key: 'sk-12345', url: 'https://host' } })
    await dispatcher.drain()
    expect(errorOf('s')?.message).toBe('*** at https://host failed')
  })
})

import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { toWire } from '../../../../plugin-sdk/declarations/index.ts'
import { createTcpTransport, type TcpOptions } from '../../../../plugin-sdk/transports/tcp.ts'
import { invokeTool } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { createManualTimers, freePort, loadFixture, until } from '../../../helpers/plugin-sdk/helpers.ts'
import { startTcpDaemon, type TcpDaemon } from '../fake-daemon/tcp-daemon.ts'

const quick = { backoffMs: { first: 5, max: 20 }, maxAttempts: 4, handshakeGraceMs: 20 }

/** Serves the fixture plugin to a daemon; collects what an operator would read. */
async function serve(port: number, options: Partial<TcpOptions> = {}) {
  const notices: string[] = []
  const plugin = await loadFixture({ report: (message) => notices.push(message) })
  const { declaration } = plugin
  const registration = { ...toWire(declaration), assets: declaration.assets }
  const transport = createTcpTransport({
    host: '127.0.0.1',
    port,
    key: 'right',
    registration,
    ...quick,
    ...options,
  })
  const stop = new AbortController()
  const served = plugin.serve(transport, { stop: stop.signal })
  const outcome = served.then(
    () => null,
    (error: Error) => error,
  )
  return {
    notices,
    outcome,
    stop() {
      stop.abort()
      return outcome
    },
  }
}

describe('a plugin over TCP', () => {
  it('registers with its assets in the order of the daemon, and answers', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop } = await serve(daemon.port)
    await daemon.registrations(1)
    const [registered] = daemon.registered
    expect(registered?.manifest).toMatchObject({
      author: 'acme',
      name: 'fixture',
      label: { en_US: 'Fixture' },
    })
    expect(registered?.provider).toMatchObject({
      credentials_schema: [{ name: 'api_key', type: 'secret-input' }],
    })
    // The empty file is left out: the daemon rejects empty chunks.
    expect([...(registered?.assets ?? [])].map(([name, content]) => [name, content.length])).toEqual(
      expect.arrayContaining([['large.txt', 20_000]]),
    )
    expect(registered?.assets.has('empty.txt')).toBe(false)
    const result = await daemon.invoke(invokeTool('echo', { text: 'grüße', times: 3 }))
    expect(nodeOutput(result).text).toBe('0:grüße1:grüße2:grüße')
    expect(daemon.router.heartbeats).toBeGreaterThanOrEqual(1)
    expect(daemon.router.problems).toEqual([])
    expect(await stop()).toBeNull()
  })

  it('reads lines and characters that are split between chunks', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop } = await serve(daemon.port)
    await daemon.registrations(1)
    const asked = invokeTool('echo', { text: '🦛' })
    const result = daemon.router.open(asked.session_id)
    for (const byte of Buffer.from(`\n${JSON.stringify(asked)}\n`)) {
      daemon.write(Uint8Array.of(byte))
      await new Promise(setImmediate)
    }
    expect(nodeOutput(await result).variables).toEqual({ said: '🦛' })
    await stop()
  })

  it('reports the daemon’s message for a wrong key and does not retry', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { outcome } = await serve(daemon.port, { key: 'wrong' })
    expect(await outcome).toMatchObject({
      name: 'RegistrationError',
      message: 'The daemon says: handshake failed, invalid key',
    })
    expect(daemon.connections).toBe(1)
  })

  it('reports the daemon’s message for a rejected declaration', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const registration = { manifest: { version: '1' }, tools: [], assets: [] }
    const { outcome } = await serve(daemon.port, { registration })
    expect(await outcome).toMatchObject({
      message: expect.stringContaining('invalid plugin declaration: version'),
    })
    expect(daemon.connections).toBe(1)
  })

  it('retries a limited number of times when the daemon is busy', async () => {
    await using daemon = await startTcpDaemon({
      key: 'right',
      rejection: 'server is busy now, please try again later',
    })
    const { outcome, notices } = await serve(daemon.port)
    expect(await outcome).toMatchObject({
      name: 'TransportClosedError',
      message: expect.stringContaining('gave up after 4'),
    })
    expect(daemon.connections).toBe(4)
    expect(notices.filter((notice) => notice.includes('server is busy')).length).toBeGreaterThanOrEqual(3)
  })

  it('reconnects and registers again after a lost connection', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop, notices } = await serve(daemon.port)
    // More often than it may fail in a row: a connection that carried a request starts the count anew.
    for (let round = 1; round <= 6; round += 1) {
      await daemon.registrations(round)
      expect((await daemon.invoke(invokeTool('echo', { text: 'x' }))).error).toBeNull()
      daemon.drop()
    }
    await daemon.registrations(7)
    expect(notices.some((notice) => notice.includes('retrying'))).toBe(true)
    expect(daemon.registered[6]).toEqual(daemon.registered[0])
    await stop()
  })

  it('does not answer an old session over a new connection', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop } = await serve(daemon.port)
    await daemon.registrations(1)
    const lost = invokeTool('wait', { ms: 60_000 })
    void daemon.invoke(lost)
    await daemon.invoke(invokeTool('echo', { text: 'the lost one is in by now' }))
    daemon.drop()
    await daemon.registrations(2)
    // The id is free again: its session ended with the connection.
    daemon.write(`${JSON.stringify({ ...invokeTool('wait', { ms: 0 }), session_id: lost.session_id })}\n`)
    await daemon.invoke(invokeTool('echo', { text: 'x' }))
    await stop()
    expect(daemon.router.problems).toEqual([])
  })

  it('retries until the daemon has started', async () => {
    const port = await freePort()
    const { stop, notices } = await serve(port, { maxAttempts: 1000 })
    await until(() => notices.some((notice) => notice.includes('ECONNREFUSED')))
    await using daemon: TcpDaemon = await startTcpDaemon({ key: 'right', port })
    await daemon.registrations(1)
    await stop()
  })

  it('gives up on a port that refuses connections', async () => {
    const { outcome } = await serve(await freePort())
    expect(await outcome).toMatchObject({
      message: expect.stringMatching(/gave up after 4 attempts: Cannot connect/),
    })
  })

  it('stops while it waits to connect', async () => {
    const { stop, notices } = await serve(await freePort(), {
      backoffMs: { first: 3_600_000, max: 3_600_000 },
    })
    await until(() => notices.length > 0)
    expect(await stop()).toBeNull()
  })

  it('stops while it registers', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop } = await serve(daemon.port, { handshakeGraceMs: 3_600_000 })
    await until(() => daemon.connections === 1)
    expect(await stop()).toBeNull()
    expect(daemon.registered).toEqual([])
  })

  it('answers sessions in flight before it disconnects', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const { stop } = await serve(daemon.port)
    await daemon.registrations(1)
    const slow = daemon.invoke(invokeTool('wait', { ms: 200 }))
    await daemon.invoke(invokeTool('echo', { text: 'x' }))
    const stopped = stop()
    expect(nodeOutput(await slow).text).toBe('waited')
    expect(await stopped).toBeNull()
  })

  it('doubles the delay after each failure, up to the maximum', async () => {
    const timers = createManualTimers()
    const port = await freePort()
    const registration = { manifest: {}, tools: [], assets: [] }
    const transport = createTcpTransport({
      host: '127.0.0.1',
      port,
      key: 'k',
      registration,
      timers,
      maxAttempts: 7,
    })
    const waits: (string | undefined)[] = []
    transport.onNotice = (notice) => {
      waits.push(/retrying in (\d+) s/.exec(notice)?.[1])
      setTimeout(() => timers.advance(30_000))
    }
    await expect(transport.start()).rejects.toThrow('gave up after 7 attempts')
    expect(waits).toEqual(['1', '2', '4', '8', '16', '30'])
    expect(timers.pending).toBe(0)
  })
})

describe('the fake TCP daemon', () => {
  it('closes a connection without a handshake after 10 s', async () => {
    const timers = createManualTimers()
    await using daemon = await startTcpDaemon({ key: 'right', timers })
    const socket = connect(daemon.port, '127.0.0.1')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await until(() => timers.pending === 1)
    timers.advance(10_000)
    await closed
  })
})

import { createHash } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { MAX_FRAME_BYTES } from '../../../../plugin-sdk/protocol.ts'
import { createStdioTransport } from '../../../../plugin-sdk/transports/stdio.ts'
import { invokeTool, request, validateCredentials } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { createManualTimers, fixtureMain, until } from '../../../helpers/plugin-sdk/helpers.ts'
import { startStdioDaemon } from '../fake-daemon/stdio-daemon.ts'

const launch = (env: Record<string, string> = {}) => startStdioDaemon([fixtureMain], { env })

describe('a plugin process on stdio', () => {
  it('sends a heartbeat immediately, answers, and exits with 0 when stdin ends', async () => {
    await using daemon = await launch()
    expect(daemon.router.heartbeats).toBe(1)
    const result = await daemon.invoke(invokeTool('echo', { text: 'grüße 🦛', times: '2' }))
    expect(nodeOutput(result)).toMatchObject({
      text: '0:grüße 🦛1:grüße 🦛',
      variables: { said: 'grüße 🦛' },
    })
    expect(await daemon.invoke(validateCredentials({ api_key: 'right' }))).toMatchObject({
      chunks: [{ result: true }],
    })
    daemon.endInput()
    expect(await daemon.exit).toEqual({ code: 0, signal: null })
    expect(daemon.router.problems).toEqual([])
  })

  it('reads requests in any chunking, and between blank lines', async () => {
    await using daemon = await launch()
    const requests = Array.from({ length: 20 }, (_, i) => invokeTool('echo', { text: `grüße 🦛 ${i}` }))
    const results = requests.map(({ session_id }) => daemon.router.open(session_id))
    const lines = requests.map((each) => `${JSON.stringify(each)}\n`)
    for (const byte of Buffer.from(lines.slice(0, 1).join(''))) daemon.write(Uint8Array.of(byte))
    const rest = Buffer.from(`\n\n${lines.slice(1).join('\n')}`)
    for (let at = 0; at < rest.length; at += 997) daemon.write(rest.subarray(at, at + 997))
    for (const [i, result] of (await Promise.all(results)).entries()) {
      expect(nodeOutput(result).variables).toEqual({ said: `grüße 🦛 ${i}` })
    }
  })

  it('runs 100 concurrent sessions, each complete and in order', async () => {
    await using daemon = await launch()
    const text = 'x'.repeat(3000)
    const sessions = Array.from({ length: 100 }, (_, i) =>
      daemon.invoke(invokeTool('echo', { text: `${i}${text}`, times: 20 })),
    )
    for (const [i, result] of (await Promise.all(sessions)).entries()) {
      expect(result.error).toBeNull()
      expect(result.frames).toEqual([...Array(22).fill('stream'), 'end'])
      const expected = Array.from({ length: 20 }, (_, n) => `${n}:${i}${text}`).join('')
      // Compared before asserted: a failure must not print 60 kB.
      expect(nodeOutput(result).text === expected).toBe(true)
    }
    expect(daemon.router.problems).toEqual([])
  })

  it('loses no frame while the reader is stalled', async () => {
    await using daemon = await launch()
    daemon.pauseReading(true)
    const sessions = Array.from({ length: 4 }, () =>
      daemon.invoke(invokeTool('echo', { text: 'y'.repeat(50_000), times: 40 })),
    )
    // Lets the pipe fill: its capacity is 64 KiB, and 8 MB are on their way.
    await new Promise((resolve) => setTimeout(resolve, 100))
    daemon.pauseReading(false)
    for (const result of await Promise.all(sessions)) {
      expect(nodeOutput(result).text.length).toBe(40 * 50_000 + 110)
    }
    expect(daemon.router.problems).toEqual([])
  })

  it('sends a frame of exactly the limit, and fails only the session of a larger one', async () => {
    await using daemon = await launch()
    const other = daemon.invoke(invokeTool('wait', { ms: 300 }))
    const fits = await daemon.invoke(invokeTool('produce', { kind: 'line', bytes: MAX_FRAME_BYTES - 300 }))
    expect(Buffer.byteLength(nodeOutput(fits).text)).toBe(MAX_FRAME_BYTES - 300)
    const tooLong = await daemon.invoke(invokeTool('produce', { kind: 'line', bytes: 5_300_000 }))
    expect(tooLong).toMatchObject({ error: { error_type: 'FrameTooLargeError' }, frames: ['error', 'end'] })
    expect(nodeOutput(await other).text).toBe('waited')
  })

  it('sends a blob byte for byte', async () => {
    await using daemon = await launch()
    const { files } = nodeOutput(
      await daemon.invoke(invokeTool('produce', { kind: 'blob', bytes: 3_000_001 })),
    )
    const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
    expect(files.map(({ content }) => hash(content))).toEqual([hash(new Uint8Array(3_000_001).fill(7))])
    expect(files[0]?.meta).toEqual({ mime_type: 'text/plain', filename: 'sevens.bin' })
  })

  it('rejects a request that is too long, and continues', async () => {
    await using daemon = await launch()
    const long = invokeTool('echo', { text: 'z'.repeat(33 * 1024 * 1024) })
    const { error } = await daemon.invoke(long)
    expect(error).toMatchObject({
      error_type: 'InvalidRequestError',
      message: expect.stringMatching(/has 346\d+ bytes/),
    })
    expect((await daemon.invoke(invokeTool('echo', { text: 'short' }))).error).toBeNull()
  })

  it('redirects console output to stderr', async () => {
    await using daemon = await launch()
    expect(nodeOutput(await daemon.invoke(invokeTool('produce', { kind: 'print' }))).text).toBe('printed')
    await until(() => daemon.stderr().includes('another stray line'))
    expect(daemon.stderr()).toContain('a stray line of print')
    expect(daemon.router.problems).toEqual([])
  })

  it('survives a tool that throws mid-stream and an unhandled rejection', async () => {
    await using daemon = await launch()
    const failed = await daemon.invoke(invokeTool('fail', { how: 'error' }))
    expect(failed).toMatchObject({ frames: ['stream', 'error', 'end'], error: { error_type: 'Error' } })
    expect(JSON.stringify(failed)).not.toMatch(/right|\.ts:\d+/)
    expect((await daemon.invoke(invokeTool('fail', { how: 'rejection' }))).error).toBeNull()
    await until(() => daemon.stderr().includes('unhandled on purpose'))
    expect((await daemon.invoke(request({ type: 'modell', action: 'invoke' }))).error?.message).toContain(
      'data.type',
    )
  })

  it('answers sessions in flight when stdin ends', async () => {
    await using daemon = await launch()
    const slow = daemon.invoke(invokeTool('wait', { ms: 400 }))
    daemon.endInput()
    expect(nodeOutput(await slow).text).toBe('waited')
    expect(await daemon.exit).toEqual({ code: 0, signal: null })
  })

  it('answers only sessions in flight after SIGTERM', async () => {
    await using daemon = await launch()
    const slow = daemon.invoke(invokeTool('wait', { ms: 1000 }))
    await daemon.invoke(invokeTool('echo', { text: 'the slow one is in by now' }))
    daemon.signal('SIGTERM')
    let late = await daemon.invoke(invokeTool('echo', { text: 'late' }))
    while (late.error === null) late = await daemon.invoke(invokeTool('echo', { text: 'late' }))
    expect(late.error).toMatchObject({ error_type: 'PluginUnavailableError' })
    expect(nodeOutput(await slow).text).toBe('waited')
    expect(await daemon.exit).toEqual({ code: 0, signal: null })
  })

  it('accepts a last request without a newline', async () => {
    await using daemon = await launch()
    const last = invokeTool('echo', { text: 'last' })
    const result = daemon.router.open(last.session_id)
    daemon.write(JSON.stringify(last))
    daemon.endInput()
    expect((await result).error).toBeNull()
  })

  it('rejects sessions over MAX_WORKER', async () => {
    await using daemon = await launch({ MAX_WORKER: '2' })
    const all = await Promise.all([300, 300, 0].map((ms) => daemon.invoke(invokeTool('wait', { ms }))))
    expect(all.map(({ error }) => error?.error_type ?? null)).toEqual([null, null, 'PluginUnavailableError'])
  })

  it('exits with 2 and names an invalid variable', async () => {
    await expect(launch({ HEARTBEAT_INTERVAL: 'often' })).rejects.toThrow(/HEARTBEAT_INTERVAL: .*number/)
  })
})

describe('the stdio transport', () => {
  function setUp() {
    const input = new PassThrough()
    const output = new PassThrough()
    const timers = createManualTimers()
    const transport = createStdioTransport({ input, output, timers })
    const written = () =>
      String(output.read() ?? '')
        .split('\n')
        .filter(Boolean)
    return { input, output, timers, transport, written }
  }

  it('sends a heartbeat every 10 s until it is closed', async () => {
    const { timers, transport, written } = setUp()
    await transport.start()
    await new Promise(setImmediate)
    expect(written()).toHaveLength(1)
    for (const ms of [9_999, 1, 10_000]) {
      timers.advance(ms)
      await new Promise(setImmediate)
    }
    expect(written()).toEqual(Array(2).fill('{"event":"heartbeat","session_id":null,"data":{}}'))
    await transport.close()
    expect(timers.pending).toBe(0)
  })

  it('ends with an error and aborts the sessions when stdout fails', async () => {
    const { input, output, transport } = setUp()
    const ends: (Error | undefined)[] = []
    let signal: AbortSignal | undefined
    transport.onEnd = (error) => ends.push(error)
    transport.onLine = (_line, channel) => {
      signal = channel.signal
    }
    await transport.start()
    input.write('{}\n')
    await new Promise(setImmediate)
    output.destroy(new Error('EPIPE'))
    await new Promise(setImmediate)
    expect(ends.map((error) => error?.message)).toEqual(['EPIPE'])
    expect(signal?.aborted).toBe(true)
    await transport.close()
  })

  it('reports the end of its input once', async () => {
    const { input, transport } = setUp()
    const ends: unknown[] = []
    transport.onEnd = (error) => ends.push(error)
    await transport.start()
    input.end()
    await new Promise((resolve) => input.once('close', resolve))
    expect(ends).toEqual([undefined])
  })
})

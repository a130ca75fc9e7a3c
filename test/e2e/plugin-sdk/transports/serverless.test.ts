import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServerlessTransport, MAX_BODY_BYTES } from '../../../../plugin-sdk/transports/serverless.ts'
import {
  fetchOptions,
  invokeTool,
  validateCredentials,
} from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { loadFixture } from '../../../helpers/plugin-sdk/helpers.ts'
import { invokeServerless } from '../fake-daemon/serverless-client.ts'

describe('a plugin over serverless HTTP', () => {
  const stop = new AbortController()
  let url = ''
  let served: Promise<void>

  beforeAll(async () => {
    const plugin = await loadFixture()
    const transport = createServerlessTransport({ host: '127.0.0.1', port: 0 })
    const listening = Promise.withResolvers<void>()
    const start = transport.start
    transport.start = async () => {
      await start()
      listening.resolve()
    }
    served = plugin.serve(transport, { stop: stop.signal })
    await listening.promise
    url = `http://127.0.0.1:${transport.port}`
  })

  afterAll(async () => {
    stop.abort()
    await served
  })

  const post = (body: string, headers: Record<string, string> = {}, path = '/invoke?action=invoke_tool') =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })

  it('streams frames as newline-delimited JSON', async () => {
    const asked = invokeTool('echo', { text: 'grüße', times: 2 })
    const result = await invokeServerless(url, asked)
    expect(nodeOutput(result)).toMatchObject({
      text: '0:grüße1:grüße',
      json: [{ session: { session_id: asked.session_id } }],
    })
    expect(result.frames).toEqual(['stream', 'stream', 'stream', 'stream', 'end'])
    const response = await post(JSON.stringify(invokeTool('wait', {})))
    expect(response.status).toBe(200)
    for (const line of (await response.text()).trim().split('\n'))
      expect(line).toMatch(/^\{"event":"session"/)
  })

  it('serves every action, with errors as frames', async () => {
    expect(await invokeServerless(url, validateCredentials({ api_key: 'right' }))).toMatchObject({
      chunks: [{ result: true }],
    })
    expect((await invokeServerless(url, fetchOptions('echo', 'voice'))).chunks).toHaveLength(1)
    const failed = await invokeServerless(url, invokeTool('fail', { how: 'error' }))
    expect(failed).toMatchObject({
      frames: ['stream', 'error', 'end'],
      error: { message: 'store is locked, key ***' },
    })
    expect((await invokeServerless(url, invokeTool('nope', {}))).error?.message).toContain('data.tool')
  })

  it('answers 50 concurrent requests', async () => {
    const all = Array.from({ length: 50 }, (_, i) =>
      invokeServerless(url, invokeTool('echo', { text: String(i), times: 5 })),
    )
    expect((await Promise.all(all)).map((result) => nodeOutput(result).variables['said'])).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i)),
    )
  })

  it('reads the session id from the header, the envelope, or both', async () => {
    const { session_id, ...rest } = invokeTool('echo', { text: 'x' })
    const header = { 'dify-plugin-session-id': session_id }
    for (const [body, headers] of [
      [{ ...rest, session_id }, {}],
      [rest, header],
      [{ ...rest, session_id }, header],
    ] as const) {
      const response = await post(JSON.stringify(body), headers)
      expect(await response.text()).toContain(`"session_id":"${session_id}"`)
    }
  })

  it.each<[string, string, Record<string, string>, number, RegExp]>([
    ['a body that is not JSON', 'x', {}, 400, /not JSON/],
    ['a body that is a list', '[]', {}, 400, /not a JSON object/],
    ['no session', '{"event":"request"}', {}, 400, /session: expected header/],
    ['two sessions', '{"session_id":"a"}', { 'dify-plugin-session-id': 'b' }, 400, /differ/],
    ['two actions', '{"session_id":"a","data":{"action":"b"}}', {}, 400, /action/],
    ['a body over the limit', 'x'.repeat(MAX_BODY_BYTES + 1), {}, 413, /5242880/],
    ['a body far over the limit', 'x'.repeat(MAX_BODY_BYTES * 4), {}, 413, /5242880/],
  ])('rejects %s', async (_name, body, headers, status, message) => {
    const response = await post(body, headers)
    expect(response.status).toBe(status)
    expect(((await response.json()) as { error: string }).error).toMatch(message)
  })

  it('answers a malformed envelope with a session id as frames', async () => {
    const text = await (await post('{"event":"request"}', { 'dify-plugin-session-id': 's' })).text()
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).data.type),
    ).toEqual(['error', 'end'])
  })

  it('accepts a body of exactly the limit', async () => {
    const asked = invokeTool('wait', { padding: '' })
    const padding = 'p'.repeat(MAX_BODY_BYTES - JSON.stringify(asked).length)
    const data = asked['data'] as object
    const response = await post(JSON.stringify({ ...asked, data: { ...data, tool_parameters: { padding } } }))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('"type":"end"')
  })

  it('answers GET /health, and 404 for other paths', async () => {
    const health = await fetch(`${url}/health`)
    expect([health.status, await health.text()]).toEqual([200, 'OK'])
    for (const [method, path] of [
      ['GET', '/invoke'],
      ['POST', '/health'],
      ['POST', '/'],
      ['GET', '/../etc/passwd'],
    ]) {
      expect((await fetch(url + path, { method: method ?? '' })).status).toBe(404)
    }
  })

  it('reports a frame that is too large as an error frame', async () => {
    const result = await invokeServerless(url, invokeTool('produce', { kind: 'line', bytes: 5_100_000 }))
    expect(result).toMatchObject({ error: { error_type: 'FrameTooLargeError' }, frames: ['error', 'end'] })
  })

  it('aborts a tool whose caller closed the connection', async () => {
    const asked = invokeTool('wait', { ms: 60_000 })
    const leaving = new AbortController()
    const left = invokeServerless(url, asked, { signal: leaving.signal })
    await new Promise((resolve) => setTimeout(resolve, 100))
    leaving.abort()
    await expect(left).rejects.toThrow()
    // The session id is reusable after its tool was aborted; until then a second request is dropped.
    let second = null
    for (let waitMs = 50; second === null; waitMs *= 2) {
      const again = { ...invokeTool('wait', { ms: 0 }), session_id: asked.session_id }
      second = await Promise.race([
        invokeServerless(url, again),
        new Promise<null>((r) => setTimeout(r, waitMs, null)),
      ])
    }
    expect(nodeOutput(second).text).toBe('waited')
  })
})

describe('the serverless transport', () => {
  it('rejects when its port is in use', async () => {
    const first = createServerlessTransport({ host: '127.0.0.1', port: 0 })
    await first.start()
    const second = createServerlessTransport({ host: '127.0.0.1', port: first.port })
    await expect(second.start()).rejects.toThrow('EADDRINUSE')
    await first.close()
    await second.close()
  })

  it('answers requests in flight before it closes', async () => {
    const plugin = await loadFixture()
    const transport = createServerlessTransport({ host: '127.0.0.1', port: 0 })
    const stop = new AbortController()
    const served = plugin.serve(transport, { stop: stop.signal })
    while (transport.port === 0) await new Promise(setImmediate)
    const url = `http://127.0.0.1:${transport.port}`
    const slow = invokeServerless(url, invokeTool('wait', { ms: 300 }))
    await invokeServerless(url, invokeTool('echo', { text: 'the slow one is in by now' }))
    stop.abort()
    expect(nodeOutput(await slow).text).toBe('waited')
    await served
  })
})

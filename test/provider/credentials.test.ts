import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { KEY, validate } from '../tools/run-tool.ts'
import { deadUrl, json, raw, refusal, type StubSidecar, silence, startStub } from '../tools/stub-sidecar.ts'

const STATUS = { service: 'hippocache', version: '0.1.0', namespace: 'main', backends: {} }

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
  stub.script = json(200, STATUS)
})

/** The message Dify shows under the form. */
async function refused(credentials: Record<string, unknown>): Promise<string> {
  const { error, wire } = await validate(credentials)
  expect(error?.error_type).toBe('ToolProviderCredentialValidationError')
  expect(wire).not.toContain(KEY)
  return error?.message ?? ''
}

describe('the credential check', () => {
  it('is one call that needs the key', async () => {
    const { error, wire } = await validate({ sidecar_url: stub.url, api_key: ` ${KEY}\n` })
    expect(error).toBeUndefined()
    expect(wire).toContain('"result":true')
    expect(stub.calls).toEqual([expect.objectContaining({ method: 'GET', path: '/v1/status' })])
    expect(stub.calls[0]?.headers.authorization).toBe(`Bearer ${KEY}`)
  })

  it('works without a key', async () => {
    expect((await validate({ sidecar_url: stub.url, api_key: '' })).error).toBeUndefined()
    expect(stub.calls[0]?.headers.authorization).toBeUndefined()
  })

  it.each(['/', '//', '/v1', '/v1/', ' '])('tolerates %j after the address', async (tail) => {
    expect((await validate({ sidecar_url: stub.url + tail })).error).toBeUndefined()
    expect(stub.calls[0]?.path).toBe('/v1/status')
  })

  it('keeps the path prefix of a reverse proxy', async () => {
    await validate({ sidecar_url: `${stub.url}/memory/v1/` })
    expect(stub.calls[0]?.path).toBe('/memory/v1/status')
  })
})

describe('the credential check tells apart', () => {
  it.each([
    ['', /^Sidecar URL: .* but it is empty\.$/],
    [null, /but it is empty/],
    ['hippocache:8484', /http:\/\/ or https:\/\/.*came "hippocache:8484"/],
    ['localhost:8484', /came "localhost:8484"/],
    ['http://', /came "http:\/\/"/],
    ['http:/host', /came "http:\/host"/],
    ['ftp://host', /came "ftp:\/\/host"/],
    ['http://host:99999', /came "http:\/\/host:99999"/],
    ['http://host/?key=1', /without \? or #/],
  ])('a malformed address: %j', async (sidecar_url, message) => {
    expect(await refused({ sidecar_url, api_key: KEY })).toMatch(message)
  })

  it('an address with a password in it, without showing it', async () => {
    const message = await refused({ sidecar_url: `http://me:${KEY}@host`, api_key: '' })
    expect(message).toMatch(/without user name or password/)
  })

  it('a host that does not exist', async () => {
    const message = await refused({ sidecar_url: 'http://no-such-host.invalid:8484' })
    expect(message).toMatch(/the host "no-such-host.invalid" is not known.*same Docker network/)
  })

  it('a sidecar that is down, with the hint about localhost', async () => {
    const message = await refused({ sidecar_url: await deadUrl() })
    expect(message).toMatch(/refused.*127\.0\.0\.1 is the container itself.*host\.docker\.internal/)
  })

  it('a sidecar that does not answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      stub.script = silence
      const arrived = stub.nextCall()
      const checking = refused({ sidecar_url: stub.url })
      await arrived
      await vi.advanceTimersByTimeAsync(5000)
      expect(await checking).toMatch(/No answer .* within 5 s/)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each([
    ['a web page', raw(200, 'text/html', '<html>')],
    ['a page that is not there', raw(404, 'text/html', 'Not Found')],
    ['another JSON service', json(200, { status: 'ok', service: 'qdrant' })],
    ['another error format', json(404, { detail: 'Not Found' })],
    ['a redirect to a login', raw(302, 'text/html', '', { location: 'https://login.example/' })],
  ])('something else: %s', async (_, script) => {
    stub.script = script
    expect(await refused({ sidecar_url: stub.url, api_key: KEY })).toMatch(/not a Hippocache sidecar/)
  })

  it('something that does not speak HTTP', async () => {
    const server = createTcpServer((socket) => socket.end('220 mail ready\r\n')).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    expect(await refused({ sidecar_url: `http://127.0.0.1:${port}` })).toMatch(/does not speak HTTP/)
    server.close()
  })

  it('https where only http is spoken, and the other way round', async () => {
    expect(await refused({ sidecar_url: stub.url.replace('http:', 'https:') })).toMatch(
      /no secure connection .*should the address start with http:\/\//,
    )
    const server = createTlsServer({}).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    expect(await refused({ sidecar_url: `http://127.0.0.1:${port}` })).toMatch(/address starts with https:/)
    server.close()
  })

  it('a wrong key from a missing one', async () => {
    stub.script = refusal(401, 'unauthorized', `no such key: ${KEY}`)
    const wrong = await refused({ sidecar_url: stub.url, api_key: KEY })
    const missing = await refused({ sidecar_url: stub.url })
    expect(wrong).toMatch(/does not accept this API key.*API_KEYS/)
    expect(missing).toMatch(/needs an API key, and none is set/)
  })

  it('a sidecar that is not ready', async () => {
    stub.script = refusal(503, 'backend_unavailable', 'Qdrant does not answer')
    expect(await refused({ sidecar_url: stub.url })).toMatch(/up but not ready.*Qdrant does not answer/)
  })

  it('a sidecar of another version', async () => {
    stub.script = refusal(404, 'not_found', 'no such path: GET /v1/status')
    expect(await refused({ sidecar_url: stub.url })).toMatch(/different versions, update the older one/)
  })
})

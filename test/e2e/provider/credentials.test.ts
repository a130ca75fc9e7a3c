import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { VERSION } from '../../../sidecar/ports/version.ts'
import { describeMismatch, PLUGIN_VERSION } from '../../../tools/shared/version.ts'
import { declaration, KEY, useStub, validate } from '../../helpers/tools/run-tool.ts'
import { deadUrl, json, raw, refusal, silence } from '../../helpers/tools/stub-sidecar.ts'

const STATUS = { service: 'hippocache', version: '0.1.0', namespace: 'main', backends: {} }

const stub = await useStub(json(200, STATUS))

/** The message Dify shows under the form. */
async function errorOf(credentials: Record<string, unknown>): Promise<string> {
  const { error, wire } = await validate(credentials)
  expect(error?.error_type).toBe('ToolProviderCredentialValidationError')
  expect(wire).not.toContain(KEY)
  return error?.message ?? ''
}

describe('the credential check', () => {
  it('makes one call with the key', async () => {
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

  it.each(['/', '//', '/v1', '/v1/', ' '])('ignores %j after the address', async (tail) => {
    expect((await validate({ sidecar_url: stub.url + tail })).error).toBeUndefined()
    expect(stub.calls[0]?.path).toBe('/v1/status')
  })

  it('keeps the path prefix of a reverse proxy', async () => {
    await validate({ sidecar_url: `${stub.url}/memory/v1/` })
    expect(stub.calls[0]?.path).toBe('/memory/v1/status')
  })
})

describe('the versions', () => {
  it.each([
    ['0.1.0', '0.1.9', undefined],
    ['0.2.0', '0.1.9', 'The sidecar has version 0.1.9, this plugin 0.2.0. Update the sidecar.'],
    ['0.1.0', '0.2.0', 'The sidecar has version 0.2.0, this plugin 0.1.0. Update the plugin.'],
    ['0.2.0', undefined, 'The sidecar has version unknown, this plugin 0.2.0. Update the sidecar.'],
    ['1.2.0', '1.3.0', undefined],
    ['1.2.0', '1.1.0', 'The sidecar has version 1.1.0, this plugin 1.2.0. Update the sidecar.'],
    ['1.2.0', '2.0.0', 'The sidecar has version 2.0.0, this plugin 1.2.0. Update the plugin.'],
  ])('plugin %s with sidecar %s: %s', (plugin, sidecar, expected) => {
    expect(describeMismatch(sidecar, plugin)).toBe(expected)
  })

  it('are compared when the settings are saved', async () => {
    stub.script = json(200, { ...STATUS, version: '9.0.0' })
    expect(await errorOf({ sidecar_url: stub.url })).toMatch(/version 9\.0\.0.* Update the plugin\.$/)
  })

  it('are the same in package.json, manifest.yaml and the code', () => {
    expect(declaration.manifest.version).toBe(PLUGIN_VERSION)
    expect(VERSION).toBe(PLUGIN_VERSION)
  })
})

describe('the credential check reports', () => {
  it.each([
    ['', /^Sidecar URL: .* got nothing\.$/],
    [null, /got nothing/],
    ['hippocache:8484', /http:\/\/ or https:\/\/.*got "hippocache:8484"/],
    ['localhost:8484', /got "localhost:8484"/],
    ['http://', /got "http:\/\/"/],
    ['http:/host', /got "http:\/host"/],
    ['ftp://host', /got "ftp:\/\/host"/],
    ['http://host:99999', /got "http:\/\/host:99999"/],
    ['http://host/?key=1', /without \? or #/],
  ])('a malformed address: %j', async (sidecar_url, message) => {
    expect(await errorOf({ sidecar_url, api_key: KEY })).toMatch(message)
  })

  it('an address with a password, without showing it', async () => {
    const message = await errorOf({ sidecar_url: `http://me:${KEY}@host`, api_key: '' })
    expect(message).toMatch(/without user name or password/)
  })

  it('a host that does not exist', async () => {
    const message = await errorOf({ sidecar_url: 'http://no-such-host.invalid:8484' })
    expect(message).toMatch(/cannot resolve the host "no-such-host.invalid".*same Docker network/)
  })

  it('a sidecar that is down, with a hint about localhost', async () => {
    const message = await errorOf({ sidecar_url: await deadUrl() })
    expect(message).toMatch(/refused.*127\.0\.0\.1 is the container itself.*host\.docker\.internal/)
  })

  it('a sidecar that does not answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      stub.script = silence
      const arrived = stub.nextCall()
      const checking = errorOf({ sidecar_url: stub.url })
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
  ])('a server that is not the sidecar: %s', async (_, script) => {
    stub.script = script
    expect(await errorOf({ sidecar_url: stub.url, api_key: KEY })).toMatch(/is not a Hippocache sidecar/)
  })

  it('a server that does not speak HTTP', async () => {
    const server = createTcpServer((socket) => socket.end('220 mail ready\r\n')).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    expect(await errorOf({ sidecar_url: `http://127.0.0.1:${port}` })).toMatch(/does not speak HTTP/)
    server.close()
  })

  it('https for a server of http, and the reverse', async () => {
    expect(await errorOf({ sidecar_url: stub.url.replace('http:', 'https:') })).toMatch(
      /no secure connection .*should the address start with http:\/\//,
    )
    const server = createTlsServer({}).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    expect(await errorOf({ sidecar_url: `http://127.0.0.1:${port}` })).toMatch(
      /address must start with https:/,
    )
    server.close()
  })

  it('a wrong key and a missing key', async () => {
    stub.script = refusal(401, 'unauthorized', `no such key: ${KEY}`)
    const wrong = await errorOf({ sidecar_url: stub.url, api_key: KEY })
    const missing = await errorOf({ sidecar_url: stub.url })
    expect(wrong).toMatch(/does not accept this API key.*API_KEYS/)
    expect(missing).toMatch(/needs an API key, and none is set/)
  })

  it('a sidecar that is not ready', async () => {
    stub.script = refusal(503, 'backend_unavailable', 'Qdrant does not answer')
    expect(await errorOf({ sidecar_url: stub.url })).toMatch(/up but not ready.*Qdrant does not answer/)
  })

  it('a sidecar of another version', async () => {
    stub.script = refusal(404, 'not_found', 'no such path: GET /v1/status')
    expect(await errorOf({ sidecar_url: stub.url })).toMatch(/different versions, update the older one/)
  })
})

import { describe, expect, it } from 'vitest'
import { readInstallMethod } from '../../../plugin-sdk/environment.ts'
import { ConfigurationError } from '../../../plugin-sdk/errors.ts'

const remote = { INSTALL_METHOD: 'remote', REMOTE_INSTALL_KEY: 'k' }

describe('install method', () => {
  it('defaults to local', () => {
    expect(readInstallMethod({})).toEqual({ method: 'local', heartbeatMs: 10_000, maxSessions: 1000 })
    expect(readInstallMethod({ INSTALL_METHOD: '', HEARTBEAT_INTERVAL: '5', MAX_WORKER: '10' })).toEqual({
      method: 'local',
      heartbeatMs: 5000,
      maxSessions: 10,
    })
  })

  it('is remote with the address and the key that Dify shows for debugging, and local in the daemon', () => {
    const shown = { REMOTE_INSTALL_URL: 'dify:5003', REMOTE_INSTALL_KEY: 'k' }
    expect(readInstallMethod(shown)).toMatchObject({ method: 'remote', host: 'dify', port: 5003, key: 'k' })
    expect(readInstallMethod({ ...shown, INSTALL_METHOD: 'local' })).toMatchObject({ method: 'local' })
  })

  it.each([
    [{}, 'localhost', 5003],
    [{ REMOTE_INSTALL_HOST: 'dify', REMOTE_INSTALL_PORT: '5004' }, 'dify', 5004],
    [{ REMOTE_INSTALL_URL: 'dify:5005' }, 'dify', 5005],
    [{ REMOTE_INSTALL_URL: 'tcp://dify.example:5006/', REMOTE_INSTALL_HOST: 'other' }, 'dify.example', 5006],
    [{ REMOTE_INSTALL_URL: '[::1]:5003' }, '::1', 5003],
  ])('is remote at the address of %j', (env, host, port) => {
    expect(readInstallMethod({ ...remote, ...env })).toMatchObject({ method: 'remote', host, port, key: 'k' })
  })

  it('is serverless on the given port', () => {
    const env = { INSTALL_METHOD: 'serverless', SERVERLESS_PORT: '9000', SERVERLESS_HOST: '127.0.0.1' }
    expect(readInstallMethod(env)).toEqual({
      method: 'serverless',
      maxSessions: 1000,
      host: '127.0.0.1',
      port: 9000,
    })
  })

  it.each([
    ['HEARTBEAT_INTERVAL', '0', { heartbeatMs: 1000 }],
    ['HEARTBEAT_INTERVAL', '3600', { heartbeatMs: 30_000 }],
    ['MAX_WORKER', '0', { maxSessions: 1 }],
    ['SERVERLESS_PORT', '99999', { port: 65_535 }],
  ])('clamps %s=%s and reports it', (name, value, expected) => {
    const lines: string[] = []
    const method = name === 'SERVERLESS_PORT' ? 'serverless' : 'local'
    const install = readInstallMethod({ INSTALL_METHOD: method, [name]: value }, (line) => lines.push(line))
    expect(install).toMatchObject(expected)
    expect(lines).toEqual([
      expect.stringMatching(`^${name}: expected a number from .* got ${value}; .* is used$`),
    ])
  })

  it.each([
    [{ INSTALL_METHOD: 'docker' }, /INSTALL_METHOD: .*"local"\|"remote"\|"serverless"/],
    [{ INSTALL_METHOD: 'remote' }, /REMOTE_INSTALL_KEY: expected the debug key/],
    [{ ...remote, REMOTE_INSTALL_URL: 'dify' }, /REMOTE_INSTALL_URL: expected host:port .*got "dify"/],
    [{ ...remote, REMOTE_INSTALL_URL: 'dify:99999' }, /REMOTE_INSTALL_URL/],
    [
      { REMOTE_INSTALL_PORT: 'x', HEARTBEAT_INTERVAL: 'soon' },
      /REMOTE_INSTALL_PORT: .*\n.*HEARTBEAT_INTERVAL: /,
    ],
  ])('rejects %j and names each variable', (env, message) => {
    expect(() => readInstallMethod(env)).toThrow(ConfigurationError)
    expect(() => readInstallMethod(env)).toThrow(message)
  })
})

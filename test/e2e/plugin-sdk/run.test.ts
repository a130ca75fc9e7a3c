import { type ChildProcess, spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { COMPILE_CACHE } from '../../helpers/compile-cache.ts'
import { invokeTool } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import { fixtureMain, freePort, until } from '../../helpers/plugin-sdk/helpers.ts'
import { invokeServerless } from './fake-daemon/serverless-client.ts'
import { startStdioDaemon } from './fake-daemon/stdio-daemon.ts'
import { startTcpDaemon } from './fake-daemon/tcp-daemon.ts'

/** The fixture plugin as a process, told by its environment how to run. */
function run(env: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, [fixtureMain], {
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
    })
  }
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    exit,
    output: () => output,
    stop: () => child.kill('SIGTERM'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

describe('run', () => {
  const remote = { INSTALL_METHOD: 'remote', REMOTE_INSTALL_KEY: 'right' }

  it('serves remote debugging until SIGTERM and exits with 0', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    await using plugin = run({ ...remote, REMOTE_INSTALL_URL: `tcp://127.0.0.1:${daemon.port}` })
    await daemon.registrations(1)
    expect(nodeOutput(await daemon.invoke(invokeTool('echo', { text: 'x' }))).text).toBe('0:x')
    await until(() =>
      plugin.output().includes(`[acme/fixture] Connected to 127.0.0.1:${daemon.port} and registered`),
    )
    // A package of the same plugin would be lost without this being noticed.
    expect(plugin.output()).toMatch(/Warning: if this plugin is installed .* Dify uninstalls it there/)
    plugin.stop()
    expect(await plugin.exit).toBe(0)
  })

  it('reports a rejected key and exits with 1', async () => {
    await using daemon = await startTcpDaemon({ key: 'right' })
    const address = { REMOTE_INSTALL_HOST: '127.0.0.1', REMOTE_INSTALL_PORT: String(daemon.port) }
    await using plugin = run({ ...remote, ...address, REMOTE_INSTALL_KEY: 'wrong' })
    expect(await plugin.exit).toBe(1)
    expect(plugin.output()).toContain('[acme/fixture] The daemon says: handshake failed, invalid key')
  })

  it('reports a missing key and exits with 2', async () => {
    await using plugin = run({ INSTALL_METHOD: 'remote' })
    expect(await plugin.exit).toBe(2)
    expect(plugin.output()).toContain('REMOTE_INSTALL_KEY: expected the debug key')
  })

  it('serves HTTP until SIGTERM and exits with 0', async () => {
    const port = await freePort()
    const address = { SERVERLESS_HOST: '127.0.0.1', SERVERLESS_PORT: String(port) }
    await using plugin = run({ INSTALL_METHOD: 'serverless', ...address })
    await until(() => plugin.output().includes('Listening'))
    const result = await invokeServerless(`http://127.0.0.1:${port}`, invokeTool('echo', { text: 'x' }))
    expect(nodeOutput(result).text).toBe('0:x')
    plugin.stop()
    expect(await plugin.exit).toBe(0)
  })

  it('exits although a tool left a timer running', async () => {
    await using daemon = await startStdioDaemon([fixtureMain])
    await daemon.invoke(invokeTool('fail', { how: 'leak' }))
    daemon.endInput()
    expect(await daemon.exit).toEqual({ code: 0, signal: null })
  })

  it('flushes its output to a slow reader before it exits', async () => {
    await using daemon = await startStdioDaemon([fixtureMain])
    daemon.pauseReading(true)
    const result = daemon.invoke(invokeTool('produce', { kind: 'line', bytes: 4_000_000 }))
    const leak = daemon.invoke(invokeTool('fail', { how: 'leak' }))
    daemon.endInput()
    // Longer than a plugin with nothing left to write stays.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    daemon.pauseReading(false)
    expect(Buffer.byteLength(nodeOutput(await result).text)).toBe(4_000_000)
    expect((await leak).error).toBeNull()
    expect(await daemon.exit).toEqual({ code: 0, signal: null })
  })
})

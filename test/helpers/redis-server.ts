import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Deadline of the start, milliseconds. */
const START_MS = 15_000

/**
 * Whether to skip the suites on a real Redis: redis-server is not installed, and `HIPPOCACHE_REQUIRE_ALL` is not set.
 */
export const NO_REDIS =
  spawnSync('redis-server', ['--version']).status !== 0 && process.env['HIPPOCACHE_REQUIRE_ALL'] !== '1'

/** Part of suite names, which tells why a suite was skipped. */
export const NEEDS = '(needs redis-server)'

export interface RedisServer extends AsyncDisposable {
  url: string
  port: number
  /** Kills the process, as in a crash. */
  kill: () => Promise<void>
  /** `SIGSTOP` makes the server hang; `SIGCONT` resumes it. */
  signal: (signal: 'SIGSTOP' | 'SIGCONT') => void
  /** Starts it again, empty, on the same port. */
  start: () => Promise<void>
}

/**
 * Starts a redis-server on a free loopback port, without persistence.
 *
 * @param place `sentinelFile`: starts a Sentinel with this configuration instead
 */
export async function startRedis(
  options: readonly string[] = [],
  place: { port?: number; sentinelFile?: string } = {},
): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'hippocache-redis-'))
  const port = place.port ?? (await freePort())
  let child: ChildProcess | undefined
  const atExit = () => {
    child?.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
  process.on('exit', atExit)

  async function start(): Promise<void> {
    const common = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      dir,
    ]
    const args = place.sentinelFile ? [place.sentinelFile, '--sentinel'] : [...common, ...options]
    const started = spawn('redis-server', args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-2000)
    })
    child = started
    await Promise.race([
      answers(port),
      once(started, 'exit').then(() => Promise.reject(new Error(`redis-server exited: ${output}`))),
      once(started, 'error').then(([error]) => Promise.reject(error)),
    ])
  }

  async function kill(): Promise<void> {
    const running = child
    child = undefined
    if (!running || running.exitCode !== null || running.signalCode !== null) return
    const gone = once(running, 'exit')
    running.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    start,
    signal: (signal) => child?.kill(signal),
    async [Symbol.asyncDispose]() {
      await kill()
      process.off('exit', atExit)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port: number): Promise<void> {
  const late = AbortSignal.timeout(START_MS)
  while (!late.aborted) {
    if (await pong(port)) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`redis-server: expected an answer within ${START_MS} ms, got none`)
}

function pong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', () => done(true))
    socket.once('error', () => done(false))
    socket.setTimeout(1000, () => done(false))
    function done(answered: boolean): void {
      socket.destroy()
      resolve(answered)
    }
  })
}

import { spawn } from 'node:child_process'
import { COMPILE_CACHE } from '../../../helpers/compile-cache.ts'
import { createScanner } from '../../../helpers/plugin-sdk/fake-daemon/line-scanner.ts'
import type { Request } from '../../../helpers/plugin-sdk/fake-daemon/requests.ts'
import {
  createSessionRouter,
  type SessionResult,
  type SessionRouter,
} from '../../../helpers/plugin-sdk/fake-daemon/session-router.ts'

export interface StdioDaemon extends AsyncDisposable {
  router: SessionRouter
  /** Sends a request and resolves with the result of its caller. */
  invoke(request: Request): Promise<SessionResult>
  write(bytes: string | Uint8Array): void
  /** Closes stdin, as the daemon's command-line runner does after its request. */
  endInput(): void
  signal(name: NodeJS.Signals): void
  /** Stops and resumes reading the plugin's stdout. */
  pauseReading(paused: boolean): void
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  stderr(): string
}

/**
 * Launches a plugin like the local runtime: pipes, INSTALL_METHOD, SIGKILL at the line limit, and no request before
 * the first heartbeat.
 */
export async function startStdioDaemon(
  args: string[],
  options: { env?: Record<string, string>; heartbeatTimeoutMs?: number } = {},
): Promise<StdioDaemon> {
  const child = spawn(process.execPath, args, {
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], ...options.env, INSTALL_METHOD: 'local' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const router = createSessionRouter()
  let stderr = ''
  const scan = createScanner((line) => router.take(line))
  child.stdout.on('data', (chunk: Buffer) => {
    if (!scan(chunk)) child.kill('SIGKILL')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-20_000)
  })
  // Writing to the closed stdin of an exited plugin must not fail the test.
  child.stdin.on('error', () => {})
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }))
  })

  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error('failed to start plugin as no heartbeat received'))
    }, options.heartbeatTimeoutMs ?? 15_000)
    router.onHeartbeat = () => {
      clearTimeout(timer)
      resolve()
    }
    child.on('close', () => {
      clearTimeout(timer)
      reject(new Error(`plugin failed to start: ${stderr.slice(-1024)}`))
    })
  })

  return {
    router,
    exit,
    stderr: () => stderr,
    invoke(request) {
      const data = request['data'] as { action?: string } | undefined
      const result = router.open(request.session_id, { tool: data?.action === 'invoke_tool' })
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return result
    },
    write: (bytes) => void child.stdin.write(bytes),
    endInput: () => void child.stdin.end(),
    signal: (name) => void child.kill(name),
    pauseReading: (paused) => void (paused ? child.stdout.pause() : child.stdout.resume()),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

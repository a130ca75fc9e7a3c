import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { COMPILE_CACHE } from './compile-cache.ts'
import { type Answered, jsonCall } from './json-call.ts'
import { NO_DEADLINES } from './no-deadlines.ts'

const MAIN = fileURLToPath(new URL('../../sidecar/app/main.ts', import.meta.url))

/** Deadline of a start, milliseconds. */
const DEADLINE_MS = 60_000

export interface SidecarProcess {
  child: ChildProcess
  /** The output so far. */
  out: () => string
  err: () => string
  /** Resolves after the process has exited and its output was read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts `node sidecar/app/main.ts` with only the given settings. It is killed when the test ends. */
export function spawnSidecar(env: Record<string, string>): SidecarProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: { PORT: '0', LOG_LEVEL: 'error', ...COMPILE_CACHE, ...NO_DEADLINES, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, out: () => out, err: () => err, ended }
}

/** Waits for the URL that a starting sidecar prints. Rejects with its output if it exits instead. */
export async function addressOf({ out, err, ended }: SidecarProcess): Promise<string> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  let hasEnded = false
  void ended.then(() => {
    hasEnded = true
  })
  for (;;) {
    const address = /listens on (http:\S+)/.exec(out())?.[1]
    if (address && out().includes('Try it:')) return address
    if (hasEnded || deadline.aborted) throw new Error(`the sidecar did not start: ${out()}${err()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface RunningSidecar extends SidecarProcess {
  url: string
  /** Sends JSON; returns the parsed answer. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answered>
  /** Sends SIGKILL and waits for the exit. */
  kill: () => Promise<void>
}

/** Starts a sidecar and waits until it listens. */
export async function startSidecar(env: Record<string, string>): Promise<RunningSidecar> {
  const sidecar = spawnSidecar(env)
  const url = await addressOf(sidecar)
  return {
    ...sidecar,
    url,
    call: jsonCall(url),
    async kill() {
      sidecar.child.kill('SIGKILL')
      await sidecar.ended
    },
  }
}

/** Starts a sidecar that is expected to fail; returns its exit code and output. */
export async function refusalOf(
  env: Record<string, string>,
): Promise<{ code: number | null; out: string; err: string }> {
  const sidecar = spawnSidecar(env)
  const { code } = await sidecar.ended
  return { code, out: sidecar.out(), err: sidecar.err() }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../sidecar/main.ts', import.meta.url))

/** How long a start or an end may take before the test fails, milliseconds. */
const DEADLINE_MS = 60_000

export interface SidecarProcess {
  child: ChildProcess
  /** What it has written so far. */
  out: () => string
  err: () => string
  /** Resolves when the process has ended and all it wrote was read. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Starts `node sidecar/main.ts` with nothing in its environment but what is given. It dies with the test. */
export function spawnSidecar(env: Record<string, string>): SidecarProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: { PORT: '0', LOG_LEVEL: 'error', ...env },
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

/** The address that a started sidecar says it listens on. Rejects with its words when it ends instead. */
export async function addressOf({ out, err, ended }: SidecarProcess): Promise<string> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  let over = false
  void ended.then(() => {
    over = true
  })
  for (;;) {
    const address = /listens on (http:\S+)/.exec(out())?.[1]
    if (address && out().includes('Try it:')) return address
    if (over || deadline.aborted) throw new Error(`the sidecar did not start: ${out()}${err()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, which the test is about to examine
  body: any
}

export interface RunningSidecar extends SidecarProcess {
  url: string
  /** Sends JSON, answers what came, parsed. */
  call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answered>
  /** It dies at once. */
  kill: () => Promise<void>
}

/** A sidecar that listens. */
export async function startSidecar(env: Record<string, string>): Promise<RunningSidecar> {
  const sidecar = spawnSidecar(env)
  const url = await addressOf(sidecar)
  return {
    ...sidecar,
    url,
    async call(method, path, body, more = {}) {
      const init = body === undefined ? {} : { body: JSON.stringify(body) }
      const headers = { 'content-type': 'application/json', ...more }
      const response = await fetch(`${url}${path}`, { method, headers, ...init })
      return { status: response.status, headers: response.headers, body: await response.json() }
    },
    async kill() {
      sidecar.child.kill('SIGKILL')
      await sidecar.ended
    },
  }
}

/** A sidecar that is expected to refuse to start: its exit code and what it said. */
export async function refusalOf(
  env: Record<string, string>,
): Promise<{ code: number | null; out: string; err: string }> {
  const sidecar = spawnSidecar(env)
  const { code } = await sidecar.ended
  return { code, out: sidecar.out(), err: sidecar.err() }
}

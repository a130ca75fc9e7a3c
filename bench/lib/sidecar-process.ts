import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface SidecarProcess extends AsyncDisposable {
  url: string
  /** Milliseconds from spawning the process to its first answered request. */
  readyMs: number
  process: ChildProcess
}

const MAIN = fileURLToPath(new URL('../../sidecar/app/main.ts', import.meta.url))

/** The flags of V8 with which `npm start` runs it. */
const FLAGS: string[] = readStartCommand().match(/--max-[a-z-]+=\d+/g) ?? []

const { PATH = '', NODE_OPTIONS = '', NODE_COMPILE_CACHE = '' } = process.env
const PASSED = { PATH, NODE_OPTIONS, NODE_COMPILE_CACHE }

/** Deadline of the start, milliseconds. */
const START_DEADLINE_MS = 60_000

/** Starts a sidecar as `npm start` does, on a free port and a temporary data folder that is deleted with it. */
export async function startSidecar(
  env: Record<string, string> = {},
  { deadlineMs = START_DEADLINE_MS } = {},
): Promise<SidecarProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hippocache-'))
  const started = performance.now()
  const child = spawn(process.execPath, [...FLAGS, MAIN], {
    // NODE_OPTIONS stops the sidecar with its parent, see scripts/npm-script.mjs.
    env: { ...PASSED, PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<never>((_, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`the sidecar exited with code ${code} before it was ready`)),
    )
  })
  exited.catch(() => {})
  const address = new Promise<string>((resolve) => {
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      const url = /listens on (http:\S+)/.exec(printed)?.[1]
      if (url) resolve(url)
    })
  })
  const late = AbortSignal.timeout(deadlineMs)
  const tooLate = new Promise<never>((_, reject) =>
    late.addEventListener('abort', () => reject(new Error(`the sidecar was not ready in ${deadlineMs} ms`))),
  )
  const url = await Promise.race([address, exited, tooLate])
  await (await fetch(`${url}/healthz`)).arrayBuffer()
  return {
    url,
    readyMs: performance.now() - started,
    process: child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await gone
      }
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

function readStartCommand(): string {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return scripts.start
}

/**
 * Runs a package like the daemon's local runtime: unpacks it without modes, creates a virtual environment, installs the
 * requirements with a minimal environment, and starts `python -m <entrypoint>` on pipes.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { readPackage } from '../../helpers/plugin-sdk/packager/read-package.ts'

const run = promisify(execFile)
/** The daemon's own limit on preparing an environment. */
const installMs = 600_000

/** Why Python with venv, or a registry with the requirement, is not available; else undefined. */
export async function missingResource(requirement: string): Promise<string | undefined> {
  const check = 'import sys, venv, ensurepip; assert sys.version_info >= (3, 10), sys.version'
  const python = await run('python3', ['-c', check], { timeout: 20_000 }).catch((error: Error) => error)
  if (python instanceof Error) return `no Python 3.10 with venv: ${lastLine(python.message)}`
  const [name = '', version = ''] = requirement.split('==')
  const args = ['-m', 'pip', 'index', 'versions', name, '--timeout', '10', '--retries', '0']
  const index = await run('python3', args, { timeout: 40_000 }).catch((error: Error) => error)
  if (index instanceof Error) return `no Python registry within reach: ${lastLine(index.message)}`
  return index.stdout.includes(version) ? undefined : `the Python registry does not list ${requirement}`
}

/** Files have mode 0644 and folders 0755, as in the daemon. */
export async function unpack(packagePath: string, into: string): Promise<void> {
  for (const { path, content } of (await readPackage(packagePath)).entries) {
    await mkdir(dirname(join(into, path)), { recursive: true, mode: 0o755 })
    await writeFile(join(into, path), content, { mode: 0o644 })
  }
}

/** Installs the requirements into `.venv` in the folder; returns the duration in seconds. */
export async function install(folder: string): Promise<number> {
  const started = Date.now()
  const venv = join(folder, '.venv')
  await run('python3', ['-m', 'venv', venv], { cwd: folder, timeout: installMs })
  const passed = Object.entries(process.env).filter(([name]) =>
    // The first alternative is this machine's access to a registry; the daemon passes the others.
    /^(PIP_\w+|HOME|XDG_\w+|NO_PROXY|no_proxy|https?_proxy)$|^(SSL_CERT_FILE|REQUESTS_CA_BUNDLE)$|^HTTPS?_PROXY$/.test(
      name,
    ),
  )
  const env = { ...Object.fromEntries(passed), VIRTUAL_ENV: venv, PATH: `${venv}/bin:${process.env['PATH']}` }
  const python = join(venv, 'bin/python')
  await run(python, ['-m', 'pip', 'install', '-r', 'requirements.txt'], {
    cwd: folder,
    env,
    timeout: installMs,
  })
  await run(python, ['-m', 'compileall', '-q', '-x', '\\.venv', '.'], {
    cwd: folder,
    env,
    timeout: installMs,
  })
  return (Date.now() - started) / 1000
}

export interface Frame {
  event: string
  session_id?: string | null
  data?: { type: string; data: Record<string, unknown> }
}

/** The plugin's process, with what it says as an endless sequence of frames. */
export class LocalPlugin {
  readonly #process: ChildProcess
  readonly #frames: Frame[] = []
  readonly #closed: Promise<unknown>
  #wake = () => {}
  #ended = false
  stderr = ''
  /** Lines on stdout that are no JSON; the daemon drops them, so there should be none. */
  readonly noise: string[] = []

  constructor(folder: string) {
    const { NODE_OPTIONS: _, ...env } = process.env
    this.#process = spawn(join(folder, '.venv/bin/python'), ['-m', 'main'], {
      cwd: folder,
      env: { ...env, INSTALL_METHOD: 'local' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#process, 'close')
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk).slice(-10_000)
    })
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => this.#receive(line))
    lines.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  /** The next matching frame; others are dropped. Throws with stderr if the process exits first. */
  async next(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame && fits(frame)) return frame
      if (frame) continue
      if (this.#ended) throw new Error(`the plugin ended; stderr: ${this.stderr}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Sends a request as a new session and answers with its frames, up to and with `end`. */
  async request(
    session_id: string,
    data: object,
  ): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const envelope = {
      session_id,
      conversation_id: 'c-1',
      message_id: null,
      app_id: 'a-1',
      endpoint_id: null,
    }
    this.#process.stdin?.write(`${JSON.stringify({ ...envelope, context: null, event: 'request', data })}\n`)
    const frames: { type: string; data: Record<string, unknown> }[] = []
    while (frames.at(-1)?.type !== 'end') {
      const { data: inner } = await this.next(
        (frame) => frame.event === 'session' && frame.session_id === session_id,
      )
      if (inner) frames.push(inner)
    }
    return frames
  }

  /** The program that the process runs now (Linux only). */
  async program(): Promise<string> {
    return await readlink(`/proc/${this.#process.pid}/exe`)
  }

  /** What the daemon does to stop a plugin; the exit code. */
  async closeStdin(): Promise<number | null> {
    this.#process.stdin?.end()
    await this.#closed
    return this.#process.exitCode
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #receive(line: string): void {
    if (line.trim() === '') return
    try {
      this.#frames.push(JSON.parse(line) as Frame)
    } catch {
      this.noise.push(line)
    }
    this.#wake()
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

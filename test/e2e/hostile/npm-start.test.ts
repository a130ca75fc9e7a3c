import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { tempDir } from '../../helpers/temp-dir.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

function npm(
  args: readonly string[],
  env: Record<string, string> = {},
  options: { detached?: boolean } = {},
) {
  const child = spawn('npm', args, { cwd: ROOT, env: { ...process.env, ...env }, ...options })
  let out = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
  }
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, out: () => out }
}

/** Whether there was a process to signal. */
function signals(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

describe('npm', () => {
  it('start stops the sidecar when it gets SIGTERM', async () => {
    const { child, out } = npm(['start'], { PORT: '0', DATA_DIR: tempDir(), API_KEYS: '', HOST: '127.0.0.1' })
    await expect.poll(out, { timeout: 60_000 }).toContain('Try it:')
    const url = /listens on (\S+)/.exec(out())?.[1]
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    child.kill('SIGTERM')
    const isAway = () =>
      fetch(`${url}/healthz`).then(
        () => false,
        () => true,
      )
    await expect.poll(isAway, { timeout: 30_000 }).toBe(true)
  })

  it('run bench leaves no process behind when it gets SIGTERM', async () => {
    const { child, out } = npm(['run', 'bench', '--', 'beside', '--seconds', '60'], {}, { detached: true })
    // npm and all that it started are one process group.
    const group = -(child.pid as number)
    const isAlive = () => signals(group, 0)
    onTestFinished(() => void signals(group, 'SIGKILL'))
    await expect.poll(out, { timeout: 60_000 }).toContain('fills the sidecar')
    child.kill('SIGTERM')
    await expect.poll(isAlive, { timeout: 30_000 }).toBe(false)
  })

  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    scripts: Record<string, string>
  }
  const commands = Object.keys(scripts).filter((name) => scripts[name]?.includes('scripts/npm-script.mjs'))

  it.each(commands)('run %s -- --help prints its usage and does nothing', async (name) => {
    const { child, out } = npm(['run', '--silent', '--ignore-scripts', name, '--', '--help'])
    await expect.poll(() => child.exitCode, { timeout: 60_000 }).toBe(0)
    expect(out()).toMatch(new RegExp(`npm (run )?${name}`))
  })
})

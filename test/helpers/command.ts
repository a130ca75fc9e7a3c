import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type Command, execute } from '../../sidecar/cli/transfer/command.ts'
import { COMPILE_CACHE } from './compile-cache.ts'

/**
 * Starts `node sidecar/app/<name>.ts` as npm does, with only the given settings. It is killed when the test ends.
 */
export function spawnCommand(name: string, env: Record<string, string>, ...args: string[]) {
  const file = fileURLToPath(new URL(`../../sidecar/app/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Runs a command in a process of its own, to its end; returns its exit code and output. */
export async function runProcess(name: string, env: Record<string, string>, ...args: string[]) {
  const child = spawnCommand(name, env, ...args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, out, err }
}

/** Runs a command in the process of the test; returns its exit code and output. */
export async function runCommand(command: Command, env: Record<string, string>, ...args: string[]) {
  const [stdout, stderr] = [collector(), collector()]
  const { signal } = new AbortController()
  const code = await execute(command, { args, env, stdout, stderr, interruptible: () => signal })
  return { code, out: stdout.text(), err: stderr.text() }
}

function collector() {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return Object.assign(stream, { text: () => text })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/**
 * Starts `node sidecar/<name>.ts`, as npm does, with nothing in its environment but what is given. It dies with the
 * test.
 */
export function spawnCommand(name: string, env: Record<string, string>, ...args: string[]) {
  const file = fileURLToPath(new URL(`../../sidecar/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Runs it to its end: its exit code and what it said. */
export async function runCommand(name: string, env: Record<string, string>, ...args: string[]) {
  const child = spawnCommand(name, env, ...args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, out, err }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/**
 * Starts `node sidecar/app/<name>.ts` as npm does, with only the given environment. It is killed when the test ends.
 */
export function spawnCommand(name: string, env: Record<string, string>, ...args: string[]) {
  const file = fileURLToPath(new URL(`../../sidecar/app/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Runs a command to its end; returns its exit code and output. */
export async function runCommand(name: string, env: Record<string, string>, ...args: string[]) {
  const child = spawnCommand(name, env, ...args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, out, err }
}

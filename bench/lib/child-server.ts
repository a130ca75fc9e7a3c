import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface ChildServer extends Disposable {
  url: string
}

/**
 * Starts a script that listens on a free port and prints its URL as its only output.
 *
 * @param file path relative to `bench/`
 */
export async function startChildServer(file: string, ...args: string[]): Promise<ChildServer> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${file}: expected a URL on stdout, but the process exited with code ${code}`)
  })
  exited.catch(() => {})
  const [address] = (await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), exited])) as [string]
  return { url: address.trim(), [Symbol.dispose]: () => void child.kill() }
}

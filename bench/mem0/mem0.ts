import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mem0Package } from './install.ts'
import type { MemorySystem, Said } from './system.ts'
import type { Command, Reply } from './worker.ts'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const DEADLINE_MS = 60_000

/** Its key and models at the scripted model; the worker names them. */
export const MEM0 = 'mem0'

/** mem0ai. Times are taken inside its process, around its functions: it pays for no HTTP of its own. */
export interface Mem0 extends MemorySystem {
  /** Hosts other than this machine that it tried to reach, and did not. */
  readonly refused: readonly string[]
}

export async function startMem0(
  { folder }: Mem0Package,
  modelUrl: string,
  dimensions: number,
): Promise<Mem0> {
  const home = mkdtempSync(join(tmpdir(), 'hippocache-mem0-'))
  const child = fork(WORKER, [folder, modelUrl, String(dimensions)], {
    execArgv: ['--no-warnings'],
    // It keeps an id of its own in the home folder, telemetry or not.
    env: { PATH: process.env['PATH'], HOME: home, MEM0_DIR: home, MEM0_TELEMETRY: 'False' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let refused: readonly string[] = []

  const reply = async (): Promise<Extract<Reply, { texts: string[] }>> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const timer = setTimeout(() => reject(new Error(`mem0ai: no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS)
    const gone = (code: number | null) =>
      reject(new Error(`mem0ai: its process ended with exit code ${code}`))
    const came = (message: unknown) => resolve(message as Reply)
    child.once('exit', gone).once('message', came)
    try {
      const answer = await promise
      refused = answer.refused
      if ('error' in answer) throw new Error(`mem0ai: ${answer.error}`)
      return answer
    } finally {
      clearTimeout(timer)
      child.off('exit', gone).off('message', came)
    }
  }
  const call = (command: Command) => {
    child.send(command)
    return reply()
  }
  await reply()
  return {
    get refused() {
      return refused
    },
    add: async ({ messages }) => (await call({ op: 'add', messages: messages.map(toMessage) })).tookMs,
    settle: async () => {},
    search: (query, topK) => call({ op: 'search', query, topK }),
    async [Symbol.asyncDispose]() {
      if (child.connected) {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.disconnect()
        await gone
      }
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** It has no names and no dates: who speaks goes into the text, as in its own evaluation on LoCoMo. */
function toMessage({ role, speaker, text }: Said): { role: string; content: string } {
  return { role, content: `${speaker}: ${text}` }
}

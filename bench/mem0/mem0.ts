import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mem0Package } from './install.ts'
import type { InputMessage, MemorySystem } from './system.ts'
import type { ChatMessage, Command, Reply } from './worker.ts'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const DEADLINE_MS = 60_000

/** The API key and model name that mem0ai uses at the scripted model; worker.ts sets them. */
export const MEM0_ID = 'mem0'

/** mem0ai in a child process. Times are measured inside that process, without HTTP or IPC. */
export interface Mem0 extends MemorySystem {
  /** Remote hosts that it tried to reach; all connections were refused. */
  readonly refused: readonly string[]
  /** Stores each message as it is, without a call of the language model. */
  store(messages: readonly ChatMessage[], labels: { ref: string }): Promise<void>
  /** The labels and scores of the memories that a search finds, best first. */
  searchTurns(query: string, topK: number): Promise<{ ref: string; score: number }[]>
}

export async function startMem0(
  { folder }: Mem0Package,
  modelUrl: string,
  dimensions: number,
): Promise<Mem0> {
  const home = mkdtempSync(join(tmpdir(), 'hippocache-mem0-'))
  const child = fork(WORKER, [folder, modelUrl, String(dimensions)], {
    execArgv: ['--no-warnings'],
    // mem0ai writes an id into the home folder even with telemetry off.
    env: { PATH: process.env['PATH'], HOME: home, MEM0_DIR: home, MEM0_TELEMETRY: 'False' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let refused: readonly string[] = []

  const reply = async (): Promise<Extract<Reply, { texts: string[] }>> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const timer = setTimeout(() => reject(new Error(`mem0ai: no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS)
    const onExit = (code: number | null) => reject(new Error(`mem0ai: the process exited with code ${code}`))
    const onMessage = (message: unknown) => resolve(message as Reply)
    child.once('exit', onExit).once('message', onMessage)
    try {
      const answer = await promise
      refused = answer.refused
      if ('error' in answer) throw new Error(`mem0ai: ${answer.error}`)
      return answer
    } finally {
      clearTimeout(timer)
      child.off('exit', onExit).off('message', onMessage)
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
    async store(messages, { ref }) {
      await call({ op: 'store', messages, ref })
    },
    searchTurns: async (query, topK) => (await call({ op: 'search', query, topK })).turns,
    search: (query, topK) => call({ op: 'search', query, topK }),
    async [Symbol.asyncDispose]() {
      if (child.connected) {
        const exited = new Promise((resolve) => child.once('exit', resolve))
        child.disconnect()
        await exited
      }
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** mem0ai has no speaker names and no dates: the speaker goes into the text, as in mem0's own LoCoMo evaluation. */
function toMessage({ role, speaker, text }: InputMessage): ChatMessage {
  return { role, content: `${speaker}: ${text}` }
}

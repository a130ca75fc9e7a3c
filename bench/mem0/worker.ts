/*
 * node worker.ts FOLDER MODEL_URL DIMENSIONS
 *
 * Runs mem0ai in its own process, controlled by IPC messages.
 */

import { createRequire, registerHooks } from 'node:module'
import { join } from 'node:path'
import { refused } from './only-local.ts'

export interface ChatMessage {
  role: string
  content: string
}

interface Found {
  memory: string
  score?: number
  metadata?: { ref?: string }
}

/** The used part of mem0ai's `Memory`. */
interface Memory {
  add(
    messages: readonly ChatMessage[],
    config: { userId: string; infer?: boolean; metadata?: { ref: string } },
  ): Promise<unknown>
  search(query: string, config: { topK: number; filters: { user_id: string } }): Promise<{ results: Found[] }>
}

export type Command =
  | { op: 'add'; messages: readonly ChatMessage[] }
  | { op: 'store'; messages: readonly ChatMessage[]; ref: string }
  | { op: 'search'; query: string; topK: number }

export type Reply =
  | { tookMs: number; texts: string[]; turns: { ref: string; score: number }[]; refused: string[] }
  | { error: string; refused: string[] }

const [folder = '', baseURL = '', dimensions = ''] = process.argv.slice(2)
const USER = { userId: 'ada' }

// Verify before loading mem0ai that no connection, such as telemetry, can leave this machine.
await fetch('http://192.0.2.1/').then(
  () => Promise.reject(new Error('only-local.ts: expected connections to remote hosts to be refused')),
  () => {},
)
if (refused.splice(0).length !== 1)
  throw new Error('only-local.ts: expected connections to remote hosts to be refused')

const url = new URL('better-sqlite3-shim.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'better-sqlite3' ? { url, shortCircuit: true } : next(specifier, context),
})
// Loaded with `require`, since its ES module build cannot load `compromise`.
const { Memory } = createRequire(join(folder, 'package.json'))('mem0ai/oss') as {
  Memory: new (config: object) => Memory
}
const openai = { provider: 'openai', config: { apiKey: 'mem0', baseURL, model: 'mem0' } }
const memory = new Memory({
  llm: openai,
  embedder: openai,
  // The default stores, but in memory.
  vectorStore: { provider: 'memory', config: { dbPath: ':memory:', dimension: Number(dimensions) } },
  historyStore: { provider: 'sqlite', config: { historyDbPath: ':memory:' } },
})

process.on('message', (command: Command) => {
  void run(command).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit())
process.send?.({ tookMs: 0, texts: [], turns: [], refused } satisfies Reply)

async function run(command: Command): Promise<Reply> {
  const started = performance.now()
  try {
    const found = await answer(command)
    const tookMs = performance.now() - started
    const texts = found.map(({ memory }) => memory)
    const turns = found.map(({ metadata, score = 0 }) => ({ ref: metadata?.ref ?? '', score }))
    return { tookMs, texts, turns, refused }
  } catch (error) {
    return { error: String(error), refused }
  }
}

async function answer(command: Command): Promise<Found[]> {
  if (command.op === 'add') {
    await memory.add(command.messages, USER)
    return []
  }
  if (command.op === 'store') {
    await memory.add(command.messages, { ...USER, infer: false, metadata: { ref: command.ref } })
    return []
  }
  const { query, topK } = command
  return (await memory.search(query, { topK, filters: { user_id: USER.userId } })).results
}

/*
 * mem0ai in a process of its own, told by messages what to do:
 *
 *   node worker.ts FOLDER URL DIMENSIONS
 */

import { createRequire, registerHooks } from 'node:module'
import { join } from 'node:path'
import { refused } from './only-local.ts'

/** What of mem0ai's `Memory` is used. */
interface Memory {
  add(messages: { role: string; content: string }[], config: { userId: string }): Promise<unknown>
  search(
    query: string,
    config: { topK: number; filters: { user_id: string } },
  ): Promise<{ results: { memory: string }[] }>
}

export type Command =
  | { op: 'add'; messages: { role: string; content: string }[] }
  | { op: 'search'; query: string; topK: number }

export type Reply =
  | { tookMs: number; texts: string[]; refused: string[] }
  | { error: string; refused: string[] }

const [folder = '', baseURL = '', dimensions = ''] = process.argv.slice(2)
const USER = { userId: 'ada' }

// Before mem0ai is loaded: nothing of it, telemetry least of all, may leave this machine.
await fetch('http://192.0.2.1/').then(
  () => Promise.reject(new Error('the guard against other hosts does not hold')),
  () => {},
)
if (refused.splice(0).length !== 1) throw new Error('the guard against other hosts does not hold')

const url = new URL('sqlite-instead.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'better-sqlite3' ? { url, shortCircuit: true } : next(specifier, context),
})
// By `require`, as its ES module cannot load `compromise`.
const { Memory } = createRequire(join(folder, 'package.json'))('mem0ai/oss') as {
  Memory: new (config: object) => Memory
}
const openai = { provider: 'openai', config: { apiKey: 'mem0', baseURL, model: 'mem0' } }
const memory = new Memory({
  llm: openai,
  embedder: openai,
  // Its default store, a table that is read through, but in memory; the last messages and the history likewise.
  vectorStore: { provider: 'memory', config: { dbPath: ':memory:', dimension: Number(dimensions) } },
  historyStore: { provider: 'sqlite', config: { historyDbPath: ':memory:' } },
})

process.on('message', (command: Command) => {
  void run(command).then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit())
process.send?.({ tookMs: 0, texts: [], refused } satisfies Reply)

async function run(command: Command): Promise<Reply> {
  const started = performance.now()
  try {
    const texts = await answer(command)
    return { tookMs: performance.now() - started, texts, refused }
  } catch (error) {
    return { error: String(error), refused }
  }
}

async function answer(command: Command): Promise<string[]> {
  if (command.op === 'add') {
    await memory.add(command.messages, USER)
    return []
  }
  const { query, topK } = command
  const { results } = await memory.search(query, { topK, filters: { user_id: USER.userId } })
  return results.map((one) => one.memory)
}

import { createClient } from '../lib/http.ts'
import { startSidecar } from '../lib/sidecar-process.ts'
import { turnsOf } from './dataset.ts'
import type { Variant } from './evaluate.ts'

const TOP_K = 40
const RECALL_TOP_K = 10
/** Embedding both messages of a turn on a busy CPU. */
const ADD_DEADLINE_MS = 60_000

/** The sidecar over HTTP; one process for all talks, one user per talk. */
export async function startHippocache(
  name: string,
  env: Record<string, string>,
  options: { graph?: boolean } = {},
): Promise<Variant & AsyncDisposable> {
  const sidecar = await startSidecar(env)
  const client = createClient(sidecar.url)
  return {
    name,
    async open(talk) {
      for (const { ref, session, turn, at, user, assistant } of turnsOf(talk)) {
        await add(sidecar.url, {
          user_id: talk.id,
          conversation_id: `session-${session}`,
          turn,
          mode: 'verbatim',
          metadata: { ref },
          messages: [
            { role: 'user', content: user, at },
            { role: 'assistant', content: assistant, at },
          ],
        })
      }
      return {
        async search(query) {
          const body = { user_id: talk.id, query, top_k: TOP_K, ...options }
          const { memories } = await client.post<{
            memories: { score: number; metadata: { ref: string } }[]
          }>('/v1/memories/search', body)
          return memories.map(({ score, metadata }) => ({ ref: metadata.ref, score }))
        },
        async countRecalled(query) {
          const body = { user_id: talk.id, query, strategy: 'per_query', top_k: RECALL_TOP_K, ...options }
          return (await client.post<{ count: number }>('/v1/recall', body)).count
        },
        async [Symbol.asyncDispose]() {},
      }
    },
    async [Symbol.asyncDispose]() {
      client.close()
      await sidecar[Symbol.asyncDispose]()
    },
  }
}

async function add(url: string, turn: object): Promise<void> {
  const response = await fetch(`${url}/v1/memories`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(turn),
    signal: AbortSignal.timeout(ADD_DEADLINE_MS),
  })
  const answer = await response.text()
  if (!response.ok) throw new Error(`/v1/memories: status ${response.status}: ${answer}`)
}

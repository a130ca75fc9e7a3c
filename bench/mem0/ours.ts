import { createClient } from '../lib/http.ts'
import { startSidecar } from '../lib/sidecar-process.ts'
import type { MemorySystem } from './system.ts'

export interface OursOptions {
  /** Base URL of the scripted model. */
  modelUrl: string
  /** Name by which the model knows this sidecar. */
  name: string
  /** What it uses the model for; nothing leaves it with the lexical embedder and verbatim memories. */
  use: { llm: boolean; embeddings: boolean }
}

const USER = 'ada'
const DEADLINE_MS = 60_000

/** Our sidecar, over HTTP. Times are taken at the client. */
export async function startOurs({ modelUrl, name, use }: OursOptions): Promise<MemorySystem> {
  const sidecar = await startSidecar({
    ...(use.llm || use.embeddings ? { OPENAI_BASE_URL: modelUrl, OPENAI_API_KEY: name } : {}),
    ...(use.llm ? { LLM_MODEL: name } : {}),
    ...(use.embeddings ? { EMBEDDING_MODEL: name } : {}),
  })
  const client = createClient(sidecar.url)
  return {
    async add({ conversationId, turn, messages }) {
      const body = {
        user_id: USER,
        conversation_id: conversationId,
        turn,
        messages: messages.map(({ role, speaker, text, at }) => ({
          role,
          name: speaker,
          content: text,
          at: new Date(at).toISOString(),
        })),
      }
      const started = performance.now()
      await post(`${sidecar.url}/v1/memories`, body)
      return performance.now() - started
    },
    async settle() {
      if (!use.llm) return
      const flushed = await post(`${sidecar.url}/v1/flush`, { user_id: USER, wait: true })
      const { pending, reason } = flushed as { pending: { turns: number }; reason: string | null }
      if (pending.turns > 0) throw new Error(`Hippocache: ${pending.turns} turns still wait: ${reason}`)
    },
    async search(query, topK) {
      const started = performance.now()
      const { memories } = await client.post<{ memories: { memory: string }[] }>('/v1/recall', {
        user_id: USER,
        query,
        strategy: 'per_query',
        top_k: topK,
      })
      return { texts: memories.map(({ memory }) => memory), tookMs: performance.now() - started }
    },
    async [Symbol.asyncDispose]() {
      client.close()
      await sidecar[Symbol.asyncDispose]()
    },
  }
}

/** Any 2xx is an answer: a buffered turn is acknowledged with 202. */
async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: status ${response.status}: ${text}`)
  return JSON.parse(text)
}

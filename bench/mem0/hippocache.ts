import { createClient } from '../lib/http.ts'
import { startSidecar } from '../lib/sidecar-process.ts'
import type { MemorySystem } from './system.ts'

export interface HippocacheOptions {
  /** Base URL of the scripted model. */
  modelUrl: string
  /** API key and model name at the scripted model. */
  id: string
  /** Without `llm`, memories are verbatim; without `embeddings`, the embedder is lexical. */
  use: { llm: boolean; embeddings: boolean }
}

const USER = 'ada'
const DEADLINE_MS = 60_000

/** Starts a sidecar. Times are measured at the HTTP client. */
export async function startHippocache({ modelUrl, id, use }: HippocacheOptions): Promise<MemorySystem> {
  const sidecar = await startSidecar({
    ...(use.llm || use.embeddings ? { OPENAI_BASE_URL: modelUrl, OPENAI_API_KEY: id } : {}),
    ...(use.llm ? { LLM_MODEL: id } : {}),
    ...(use.embeddings ? { EMBEDDING_MODEL: id } : {}),
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
      if (pending.turns > 0)
        throw new Error(
          `Hippocache: expected no pending turns after the flush, got ${pending.turns} (${reason})`,
        )
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

/** Accepts any 2xx status: a buffered turn is acknowledged with 202. */
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

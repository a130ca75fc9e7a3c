import { bm25 } from '../lib/bm25.ts'
import { turnsOf } from './dataset.ts'
import type { FoundTurn, Variant } from './evaluate.ts'

/** BM25 over messages. */
export const plainBm25: Variant = {
  name: 'plain BM25',
  async open(talk) {
    const messages = turnsOf(talk).flatMap(({ ref, user, assistant }) => [
      { ref, text: user },
      { ref, text: assistant },
    ])
    const score = bm25(messages.map(({ text }) => text))
    return {
      search: async (question) => order(messages, score(question)),
      async [Symbol.asyncDispose]() {},
    }
  },
}

/** Cosine of question and message. The endpoint puts the prefix of `input_type` before each text. */
export function cosine(url: string): Variant {
  return {
    name: 'cosine alone, e5',
    async open(talk) {
      const messages: { ref: string; vector: number[] }[] = []
      for (const { ref, user, assistant } of turnsOf(talk)) {
        for (const vector of await embed(url, [user, assistant], 'passage')) messages.push({ ref, vector })
      }
      return {
        async search(question) {
          const [query = []] = await embed(url, [question], 'query')
          return order(
            messages,
            messages.map(({ vector }) => dot(vector, query)),
          )
        },
        async [Symbol.asyncDispose]() {},
      }
    },
  }
}

function order(messages: readonly { ref: string }[], scores: readonly number[]): FoundTurn[] {
  return messages.map(({ ref }, i) => ({ ref, score: scores[i] as number })).sort((a, b) => b.score - a.score)
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}

const DEADLINE_MS = 60_000

async function embed(url: string, input: readonly string[], type: 'query' | 'passage'): Promise<number[][]> {
  const response = await fetch(`${url}/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'e5', input, input_type: type }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  if (!response.ok) throw new Error(`${url}/embeddings: status ${response.status}: ${await response.text()}`)
  const { data } = (await response.json()) as { data: { embedding: number[] }[] }
  return data.map(({ embedding }) => embedding)
}

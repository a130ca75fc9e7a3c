import type { Reranker } from '../../ports/reranker.ts'
import { member } from '../openai/json.ts'
import { rejectOnAbort, systemTime, type Time } from '../openai/time.ts'
import { wordsOf } from '../openai/words.ts'

export interface RerankerOptions {
  /** The whole address, with `/rerank`. */
  url: string
  /** Sent as `model`; TEI serves one model and needs none. */
  model?: string | undefined
  /** Sent as a bearer token. */
  apiKey?: string | undefined
  /** Timeout of the one attempt, including the response body, milliseconds. @default 1000 */
  deadlineMs?: number | undefined
  /** Called with the reason when a call is late or fails. */
  onFailure?: ((error: Error) => void) | undefined
  time?: Time | undefined
}

/** Documents per call. Cross-encoders take about a millisecond for each on a GPU. */
const MAX_DOCUMENTS = 100
/** Characters of the query and of each document; the rest is cut off. Rerankers read 512 to 8192 tokens. */
const MAX_QUERY = 2000
const MAX_DOCUMENT = 4000
const MAX_RESPONSE_BYTES = 1024 * 1024

/**
 * A reranker behind the `POST /rerank` of Jina, Cohere, vLLM (`results` with `relevance_score`) or TEI (a list with
 * `score`).
 * @throws {TypeError} for an invalid address
 */
export function openReranker(options: RerankerOptions): Reranker {
  const { url, model, apiKey, deadlineMs = 1000, onFailure = () => {}, time = systemTime } = options
  const { host } = new URL(url)
  /** TEI has another name for the documents. Learned from its refusal; the next call uses it. */
  let field: 'documents' | 'texts' = 'documents'

  async function post(query: string, documents: readonly string[], signal: AbortSignal): Promise<unknown> {
    const body = {
      ...(model === undefined ? {} : { model }),
      query,
      [field]: documents,
      top_n: documents.length,
    }
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal,
    })
    const text = await readBounded(response)
    if (response.ok) return JSON.parse(text)
    if (response.status < 500 && /missing.{0,10}\btexts\b/.test(text)) field = 'texts'
    const words = wordsOf(parse(text), { apiKey, body: { input: [query, ...documents] } })
    const says = words === '' || response.status === 401 ? '' : `: ${JSON.stringify(words)}`
    throw new Error(`status ${response.status}${says}`)
  }

  return {
    kind: `${model ?? 'reranker'} at ${host}`,
    maxDocuments: MAX_DOCUMENTS,
    async rerank(query, documents, signal) {
      signal?.throwIfAborted()
      if (documents.length === 0) return []
      // Endpoints refuse an empty document.
      const sent = [...documents.keys()].filter((i) => documents[i]?.trim() !== '').slice(0, MAX_DOCUMENTS)
      const scores: (number | undefined)[] = documents.map(() => undefined)
      if (sent.length === 0 || query.trim() === '') return scores
      const texts = sent.map((i) => clip(documents[i] as string, MAX_DOCUMENT))
      const deadline = time.deadline(deadlineMs)
      const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
      try {
        const answer = await rejectOnAbort(post(clip(query, MAX_QUERY), texts, either), either)
        const relevance = relevanceOf(answer, sent.length)
        for (const [position, i] of sent.entries()) scores[i] = relevance[position]
        return scores
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        onFailure(toError(error, host, deadline.signal.aborted ? deadlineMs : undefined))
        return undefined
      } finally {
        deadline.clear()
      }
    },
  }
}

/** The relevance of each of `count` documents. Scores outside 0…1 are logits, and then all of them are. */
function relevanceOf(answer: unknown, count: number): (number | undefined)[] {
  const results = Array.isArray(answer) ? answer : (member(answer, 'results') ?? member(answer, 'data'))
  if (!Array.isArray(results)) throw new Error('an answer without results')
  const scores: (number | undefined)[] = new Array(count).fill(undefined)
  for (const result of results) {
    const index = member(result, 'index')
    const score = member(result, 'relevance_score') ?? member(result, 'score')
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) {
      throw new Error('a result whose index is out of range')
    }
    if (scores[index] !== undefined) throw new Error('two results with the same index')
    if (typeof score !== 'number' || !Number.isFinite(score)) throw new Error('a result without a score')
    scores[index] = score
  }
  if (scores.every((score) => score === undefined)) throw new Error('no results')
  const areLogits = scores.some((score) => score !== undefined && (score < 0 || score > 1))
  return areLogits ? scores.map((score) => (score === undefined ? undefined : sigmoid(score))) : scores
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let [text, bytes] = ['', 0]
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_RESPONSE_BYTES) throw new Error('an answer of more than 1 MiB')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function clip(text: string, length: number): string {
  return text.slice(0, length).toWellFormed()
}

function toError(error: unknown, host: string, lateMs: number | undefined): Error {
  if (lateMs !== undefined) return new Error(`The reranker ${host} did not answer within ${lateMs} ms`)
  if (error instanceof SyntaxError) return new Error(`The reranker ${host} failed: a body that is not JSON`)
  const { message, cause } = error as Error
  const code = (cause as { code?: unknown } | undefined)?.code
  return new Error(`The reranker ${host} failed: ${typeof code === 'string' ? code : message}`)
}

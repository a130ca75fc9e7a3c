import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Embedder } from '../../ports/embedder.ts'
import { type Account, ModelUnavailable } from '../../ports/language-model.ts'
import { batchesOf } from './batches.ts'
import { type Caller, type CallerOptions, createCaller } from './caller.ts'
import { EndpointFailure } from './failures.ts'
import { vectorsOf } from './vectors.ts'

export interface OpenAiEmbedderOptions extends CallerOptions {
  model: string
  /** Length of the vectors to ask for, where the model has a choice. @default the model's own */
  dimensions?: number | undefined
  /** Texts of one request; servers allow from 10 (DashScope) over 32 (TEI) to 2048 (OpenAI). @default 32 */
  batchTexts?: number | undefined
  /** Estimated tokens of one request. @default 100_000 */
  batchTokens?: number | undefined
  /** Estimated tokens after which a text is cut, since most servers refuse longer ones. @default 8000 */
  maxTextTokens?: number | undefined
  /** Query vectors kept. @default 1000 */
  cacheEntries?: number | undefined
  /** Put before every query and every document; models such as E5 and Nomic are trained with them. */
  queryPrefix?: string | undefined
  documentPrefix?: string | undefined
  /** Calls off the probe. */
  signal?: AbortSignal | undefined
  /**
   * Told where the endpoint does not answer the probe although nothing is wrong with the question. The embedder is
   * opened all the same where `dimensions` are given, and works when the endpoint does. @default it is not opened
   */
  onAway?: ((error: Error) => void) | undefined
}

/** How long a start waits for an endpoint that it can do without, milliseconds. */
const PROBE_MS = 5000

/** What the endpoint refused and is not asked for again. */
interface Refused {
  base64: boolean
  dimensions: boolean
}

/**
 * An embedding model behind an OpenAI-compatible `POST /embeddings`. Embeds one text to learn the length of the
 * vectors, and refuses every later one of another length.
 * @throws {ModelUnavailable} when the endpoint gives no vector, or not one of `dimensions`; see `onAway`
 * @throws {TypeError | RangeError} for options that cannot be used
 */
export async function openOpenAiEmbedder(options: OpenAiEmbedderOptions): Promise<Embedder> {
  const { model, queryPrefix = '', documentPrefix = '', cacheEntries = 1000 } = options
  if (model.trim() === '') throw new TypeError('Expected `model` to name an embedding model, got ""')
  const bounds = {
    maxTexts: positive('batchTexts', options.batchTexts ?? 32),
    maxTokens: positive('batchTokens', options.batchTokens ?? 100_000),
    maxTextTokens: positive('maxTextTokens', options.maxTextTokens ?? 8000),
  }
  if (options.dimensions !== undefined) positive('dimensions', options.dimensions)
  const queries = new LRUCache<string, Float32Array>({ max: positive('cacheEntries', cacheEntries) })
  const caller = createCaller('embedding', { ...options, timeoutMs: options.timeoutMs ?? 30_000 })
  const request = requester(caller, options)

  const dimensions = await probe(request, options, caller.host)

  const embedAll = async (texts: readonly string[], account: Account, signal: AbortSignal | undefined) => {
    const vectors: Float32Array[] = []
    for (const batch of batchesOf(texts, bounds))
      vectors.push(...(await request(batch, dimensions, account, signal)))
    return vectors
  }

  return {
    name: nameOf(model, caller.host, dimensions, queryPrefix, documentPrefix),
    dimensions,
    async embed(texts, purpose, signal, account = { scope: '' }) {
      signal?.throwIfAborted()
      const prefix = purpose === 'query' ? queryPrefix : documentPrefix
      const vectors = texts.map((text) => {
        // Endpoints refuse texts with nothing in them.
        if (text.trim() === '') return new Float32Array(dimensions)
        return purpose === 'query' ? queries.get(keyOf(text))?.slice() : undefined
      })
      const missing = texts.filter((_, i) => !vectors[i])
      const fresh = await embedAll(
        missing.map((text) => prefix + text),
        account,
        signal,
      )
      if (purpose === 'query') {
        for (const [i, text] of missing.entries())
          queries.set(keyOf(text), (fresh[i] as Float32Array).slice())
      }
      let next = 0
      return vectors.map((vector) => vector ?? (fresh[next++] as Float32Array))
    },
  }
}

/** The length of the vectors. */
async function probe(
  request: ReturnType<typeof requester>,
  { model, dimensions: wanted, onAway, signal }: OpenAiEmbedderOptions,
  host: string,
): Promise<number> {
  const canDoWithout = onAway !== undefined && wanted !== undefined
  const late = canDoWithout ? [AbortSignal.timeout(PROBE_MS)] : []
  let found: number
  try {
    const [vector] = await request(
      ['memory'],
      undefined,
      { scope: '' },
      AbortSignal.any([...late, ...(signal ? [signal] : [])]),
    )
    found = (vector as Float32Array).length
  } catch (error) {
    if (!canDoWithout || signal?.aborted || !isAway(error)) throw error
    onAway(error as Error)
    return wanted
  }
  if (wanted !== undefined && wanted !== found) {
    throw new ModelUnavailable(
      'bad_answer',
      `The model ${JSON.stringify(model)} at ${host} gives vectors of ${found} numbers, not of the ` +
        `${wanted} asked for; leave the dimensions out, or ask for ${found}`,
    )
  }
  return found
}

/** What passes by itself: a refused key and a wrong answer do not. */
function isAway(error: unknown): boolean {
  if (!(error instanceof ModelUnavailable)) return error instanceof Error && error.name === 'TimeoutError'
  return !['refused_key', 'bad_answer'].includes(error.reason)
}

/** Asks for the vectors of one batch, with as much of the protocol as the endpoint has. */
function requester(caller: Caller, options: OpenAiEmbedderOptions) {
  const refused: Refused = { base64: false, dimensions: options.dimensions === undefined }
  return async (
    input: readonly string[],
    dimensions: number | undefined,
    account: Account,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> => {
    const tries = { count: 0 }
    const used = { ...refused }
    for (;;) {
      try {
        const vectors = await caller.ask({
          path: '/embeddings',
          model: options.model,
          body: {
            model: options.model,
            input,
            encoding_format: used.base64 ? 'float' : 'base64',
            ...(used.dimensions ? {} : { dimensions: options.dimensions }),
          },
          read: (body, complaint) => vectorsOf(body, { count: input.length, dimensions }, complaint),
          purpose: 'embed',
          account,
          signal,
          tries,
        })
        refused.base64 ||= used.base64
        refused.dimensions ||= used.dimensions
        return vectors
      } catch (error) {
        if (!(error instanceof EndpointFailure) || (error.status !== 400 && error.status !== 422)) throw error
        // vLLM names neither parameter nor value: "… does not support matryoshka representation".
        if (!used.dimensions && /dimension|matryoshka/i.test(error.says)) used.dimensions = true
        else if (!used.base64 && !/too long|maximum/i.test(error.says)) used.base64 = true
        else throw error
      }
    }
  }
}

/** Two names never share a store: model, address and length all change what a vector means, and so do prefixes. */
function nameOf(model: string, host: string, dimensions: number, ...prefixes: string[]): string {
  const name = `${model}@${host}-${dimensions}`
  return prefixes.some((prefix) => prefix !== '')
    ? `${name}-${keyOf(JSON.stringify(prefixes)).slice(0, 8)}`
    : name
}

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function positive(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`Expected \`${option}\` to be a whole number of at least 1, got ${value}`)
}

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
  /** Vector length to request from a model that supports several. @default the model's own */
  dimensions?: number | undefined
  /** Texts per request; servers allow 10 (DashScope), 32 (TEI) or 2048 (OpenAI). @default 32 */
  batchTexts?: number | undefined
  /** Estimated tokens per request. @default 100_000 */
  batchTokens?: number | undefined
  /** Estimated tokens at which a text is truncated, because most servers reject longer ones. @default 8000 */
  maxTextTokens?: number | undefined
  /** Query vectors in the cache. @default 1000 */
  cacheEntries?: number | undefined
  /** Prefixes of queries and documents, for models that are trained with them (E5, Nomic). */
  queryPrefix?: string | undefined
  documentPrefix?: string | undefined
  /** Aborts the probe. */
  signal?: AbortSignal | undefined
  /**
   * Called when the endpoint is unavailable for the probe. With `dimensions` the embedder then opens without the probe.
   * @default opening fails
   */
  onUnavailable?: ((error: Error) => void) | undefined
}

/** Timeout of a probe that the start does not depend on, milliseconds. */
const PROBE_TIMEOUT_MS = 5000

/** Features that the endpoint rejected. */
interface Unsupported {
  base64: boolean
  dimensions: boolean
}

/**
 * An embedding model behind an OpenAI-compatible `POST /embeddings`. A probe determines the vector length; later vectors
 * of another length are rejected.
 * @throws {ModelUnavailable} if the probe returns no vector, or not one of `dimensions`; see `onUnavailable`
 * @throws {TypeError | RangeError} for invalid options
 */
export async function openOpenAiEmbedder(options: OpenAiEmbedderOptions): Promise<Embedder> {
  const { model, queryPrefix = '', documentPrefix = '', cacheEntries = 1000 } = options
  if (model.trim() === '') throw new TypeError('model: expected the name of an embedding model, got ""')
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
        // Endpoints reject empty texts.
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

/** Determines the vector length. */
async function probe(
  request: ReturnType<typeof requester>,
  { model, dimensions: wanted, onUnavailable, signal }: OpenAiEmbedderOptions,
  host: string,
): Promise<number> {
  const isOptional = onUnavailable !== undefined && wanted !== undefined
  const timeout = isOptional ? [AbortSignal.timeout(PROBE_TIMEOUT_MS)] : []
  let found: number
  try {
    const [vector] = await request(
      ['memory'],
      undefined,
      { scope: '' },
      AbortSignal.any([...timeout, ...(signal ? [signal] : [])]),
    )
    found = (vector as Float32Array).length
  } catch (error) {
    if (!isOptional || signal?.aborted || !isTransient(error)) throw error
    onUnavailable(error as Error)
    return wanted
  }
  if (wanted !== undefined && wanted !== found) {
    throw new ModelUnavailable(
      'bad_answer',
      `The model ${JSON.stringify(model)} at ${host} returns vectors of ${found} numbers, not the ` +
        `requested ${wanted}; unset the dimensions, or set them to ${found}`,
    )
  }
  return found
}

/** A rejected key and an invalid response are permanent. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ModelUnavailable)) return error instanceof Error && error.name === 'TimeoutError'
  return !['refused_key', 'bad_answer'].includes(error.reason)
}

/** Requests the vectors of one batch and drops parameters that the endpoint rejects. */
function requester(caller: Caller, options: OpenAiEmbedderOptions) {
  const unsupported: Unsupported = { base64: false, dimensions: options.dimensions === undefined }
  return async (
    input: readonly string[],
    dimensions: number | undefined,
    account: Account,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> => {
    const attempts = { count: 0 }
    const used = { ...unsupported }
    for (;;) {
      try {
        const vectors = await caller.call({
          path: '/embeddings',
          model: options.model,
          body: {
            model: options.model,
            input,
            encoding_format: used.base64 ? 'float' : 'base64',
            ...(used.dimensions ? {} : { dimensions: options.dimensions }),
          },
          parse: (body, invalid) => vectorsOf(body, { count: input.length, dimensions }, invalid),
          purpose: 'embed',
          account,
          signal,
          attempts,
        })
        unsupported.base64 ||= used.base64
        unsupported.dimensions ||= used.dimensions
        return vectors
      } catch (error) {
        if (!(error instanceof EndpointFailure) || (error.status !== 400 && error.status !== 422)) throw error
        // vLLM does not name the parameter: "… does not support matryoshka representation".
        if (!used.dimensions && /dimension|matryoshka/i.test(error.responseText)) used.dimensions = true
        else if (!used.base64 && !/too long|maximum/i.test(error.responseText)) used.base64 = true
        else throw error
      }
    }
  }
}

/** The name identifies the vector space, which depends on model, host, length and prefixes. */
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
  throw new RangeError(`${option}: expected an integer ≥ 1, got ${value}`)
}

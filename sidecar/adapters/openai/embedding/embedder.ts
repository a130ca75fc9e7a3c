import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Embedder } from '../../../ports/embedder.ts'
import { type Account, ModelUnavailable } from '../../../ports/language-model.ts'
import { type CallerOptions, createCaller } from '../caller.ts'
import { EndpointFailure } from '../failures.ts'
import { batchesOf, vectorsOf } from './embeddings.ts'

export interface OpenAiEmbedderOptions extends CallerOptions {
  model: string
  /** Vector length to request from a model that supports several. @default the model's own */
  dimensions?: number | undefined
  /** With it and `dimensions`, the embedder opens although the endpoint is unavailable for the probe. */
  onUnavailable?: ((error: Error) => void) | undefined
}

/** Timeout of a probe that the start does not depend on, milliseconds. */
const PROBE_TIMEOUT_MS = 5000
/** Servers allow 10 (DashScope), 32 (TEI) or 2048 (OpenAI) texts per request; most reject longer texts. */
const BATCH_BOUNDS = { maxTexts: 32, maxTokens: 100_000, maxTextTokens: 8000 }
/** Query vectors in the cache. */
const MAX_CACHED_QUERIES = 1000

/**
 * An embedding model behind an OpenAI-compatible `POST /embeddings`. A probe determines the vector length; later vectors
 * of another length are rejected.
 * @throws {ModelUnavailable} if the probe returns no vector, or not one of `dimensions`; see `onUnavailable`
 * @throws {TypeError} for an invalid address or key
 */
export async function openOpenAiEmbedder(options: OpenAiEmbedderOptions): Promise<Embedder> {
  const queries = new LRUCache<string, Float32Array>({ max: MAX_CACHED_QUERIES })
  const { host, request } = createRequester(options)
  const dimensions = await probe(request, options, host)
  return {
    // The name identifies the vector space, which depends on model, host and length.
    name: `${options.model}@${host}-${dimensions}`,
    dimensions,
    async embed(texts, purpose, signal, account = { scope: '' }) {
      signal?.throwIfAborted()
      const vectors = texts.map((text) => {
        // Endpoints reject empty texts.
        if (text.trim() === '') return new Float32Array(dimensions)
        return purpose === 'query' ? queries.get(keyOf(text))?.slice() : undefined
      })
      const missing = texts.filter((_, i) => !vectors[i])
      const fresh: Float32Array[] = []
      for (const batch of batchesOf(missing, BATCH_BOUNDS)) {
        fresh.push(...(await request(batch, dimensions, account, signal)))
      }
      if (purpose === 'query') {
        for (const [i, text] of missing.entries()) queries.set(keyOf(text), fresh[i]?.slice())
      }
      return vectors.map((vector) => vector ?? (fresh.shift() as Float32Array))
    },
  }
}

/** Determines the vector length. */
async function probe(
  request: ReturnType<typeof createRequester>['request'],
  { model, dimensions: wanted, onUnavailable }: OpenAiEmbedderOptions,
  host: string,
): Promise<number> {
  const isOptional = onUnavailable !== undefined && wanted !== undefined
  const signal = isOptional ? AbortSignal.timeout(PROBE_TIMEOUT_MS) : undefined
  let found: number | undefined
  try {
    const [vector] = await request(['memory'], undefined, { scope: '' }, signal)
    found = vector?.length
  } catch (error) {
    if (!isOptional || !isTransient(error)) throw error
    onUnavailable(error as Error)
    return wanted
  }
  if (wanted === undefined || wanted === found) return found as number
  throw new ModelUnavailable(
    'bad_answer',
    `The model ${JSON.stringify(model)} at ${host} returns vectors of ${found} numbers, not the ` +
      `requested ${wanted}; unset the dimensions, or set them to ${found}`,
  )
}

/** A rejected key and an invalid response are permanent. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ModelUnavailable)) return error instanceof Error && error.name === 'TimeoutError'
  return error.reason !== 'refused_key' && error.reason !== 'bad_answer'
}

/** Requests the vectors of one batch and drops parameters that the endpoint rejects. */
function createRequester(options: OpenAiEmbedderOptions) {
  const { model } = options
  const caller = createCaller('embedding', { ...options, timeoutMs: options.timeoutMs ?? 30_000 })
  const unsupported = { base64: false, dimensions: options.dimensions === undefined }
  const request = async (
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
          model,
          body: {
            model,
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
  return { host: caller.host, request }
}

function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

import type { Embedder } from '../../../ports/embedder.ts'
import { type Account, ModelUnavailable } from '../../../ports/language-model.ts'
import { knownModel, type Prefixes, prefixesOf, suffixOf } from '../../common/embedding-prefixes.ts'
import { withQueryCache } from '../../common/query-cache.ts'
import type { CallerOptions } from '../caller.ts'
import { createLimits, type Send } from './limits.ts'
import { probe } from './probe.ts'
import { createRequester, type Request } from './requester.ts'

export interface OpenAiEmbedderOptions extends CallerOptions {
  model: string
  /** Vector length to request from a model that supports several. @default the model's own */
  dimensions?: number | undefined
  /** With it and `dimensions`, the embedder opens although the endpoint is unavailable for the probe. */
  onUnavailable?: ((error: Error) => void) | undefined
  /** Text before each query and each document. @default as the model was trained, if its name is known */
  prefixes?: Partial<Record<keyof Prefixes, string | undefined>> | undefined
  /** Most texts per request. @default 32, and fewer once the endpoint has refused more */
  maxTexts?: number | undefined
  /** Most tokens per text, estimated; the rest is cut off. @default as the model was trained, at most 8000 */
  maxTextTokens?: number | undefined
  /** Called for each text that the endpoint refuses at any length. */
  onRefused?: ((error: Error) => void) | undefined
}

/** Timeout of a probe that the start does not depend on, milliseconds. */
const PROBE_TIMEOUT_MS = 5000
/** Servers allow 10 (DashScope), 32 (TEI) or 2048 (OpenAI) texts per request. Smaller limits are learned. */
const BATCH_BOUNDS = { maxTexts: 32, maxTokens: 100_000, maxTextTokens: 8000 }
/** A refused text has no vector. */
const NO_VECTOR = new Float32Array(0)
const INPUT_TYPES = { query: 'query', document: 'passage' } as const

/**
 * An embedding model behind an OpenAI-compatible `POST /embeddings`. A probe determines the vector length; later vectors
 * of another length are rejected. Learns how long texts and how large batches may be.
 * @throws {ModelUnavailable} if the probe returns no vector, or not one of `dimensions`; see `onUnavailable`
 * @throws {TypeError} for an invalid address or key
 */
export async function openOpenAiEmbedder(options: OpenAiEmbedderOptions): Promise<Embedder> {
  const known = knownModel(options.model)
  const prefixes = prefixesOf(options)
  const { maxTexts, maxTextTokens = known.maxTokens, onRefused = () => {} } = options
  const sendAll = createLimits({
    ...BATCH_BOUNDS,
    ...(maxTexts === undefined ? {} : { maxTexts }),
    ...(maxTextTokens === undefined ? {} : { maxTextTokens }),
  })
  const { host, request } = createRequester(options)
  // Prefixes that are set are sent as they are, whatever the endpoint adds.
  const isTyped =
    known.isTyped === true &&
    options.prefixes?.query === undefined &&
    options.prefixes?.document === undefined
  const start = await probeAtStart(request, isTyped, options, host)
  const { dimensions } = start
  let honoursInputType = isTyped ? start.honoursInputType : false

  async function embedNew(
    texts: readonly string[],
    purpose: keyof Prefixes,
    signal?: AbortSignal,
    account: Account = { scope: '' },
  ): Promise<Float32Array[]> {
    honoursInputType ??= (await probe(request, isTyped, signal)).honoursInputType
    const inputType = honoursInputType ? INPUT_TYPES[purpose] : undefined
    const send: Send = (batch) => request(batch, { dimensions, inputType, account, signal })
    const refusals: Error[] = []
    // An endpoint that honours `input_type` adds the prefix itself.
    const prefixed = texts.map((text) => (inputType ? text : prefixes[purpose] + text))
    const vectors = await sendAll(prefixed, send, (error) => refusals.push(error))
    // A query without a vector is of no use to the caller.
    if (purpose === 'query' && refusals[0]) throw refusals[0]
    refusals.forEach(onRefused)
    return vectors.map((vector) => vector ?? NO_VECTOR.slice())
  }

  return {
    // The name identifies the vector space, which depends on model, host, length and prefixes.
    name: `${options.model}@${host}-${dimensions}${suffixOf(prefixes)}`,
    dimensions,
    embed: withQueryCache(dimensions, embedNew),
  }
}

/** Probes the endpoint at the start; without a result if it is unavailable and the start does not depend on it. */
async function probeAtStart(
  request: Request,
  isTyped: boolean,
  { model, dimensions: wanted, onUnavailable }: OpenAiEmbedderOptions,
  host: string,
): Promise<{ dimensions: number; honoursInputType?: boolean }> {
  const isOptional = onUnavailable !== undefined && wanted !== undefined
  const signal = isOptional ? AbortSignal.timeout(PROBE_TIMEOUT_MS) : undefined
  try {
    const found = await probe(request, isTyped, signal)
    if (wanted === undefined || wanted === found.dimensions) return found
    throw new ModelUnavailable(
      'bad_answer',
      `The model ${JSON.stringify(model)} at ${host} returns vectors of ${found.dimensions} numbers, not the ` +
        `requested ${wanted}; unset the dimensions, or set them to ${found.dimensions}`,
    )
  } catch (error) {
    if (!isOptional || !isTransient(error)) throw error
    onUnavailable(error as Error)
    return { dimensions: wanted }
  }
}

/** A rejected key and an invalid response are permanent. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ModelUnavailable)) return error instanceof Error && error.name === 'TimeoutError'
  return error.reason !== 'refused_key' && error.reason !== 'bad_answer'
}

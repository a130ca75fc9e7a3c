import type { Embedder } from '../../ports/embedder.ts'
import { ModelUnavailable } from '../../ports/language-model.ts'
import { knownModel, type Prefixes, prefixesOf, suffixOf } from '../common/embedding-prefixes.ts'
import { batchesOf, vectorOf } from '../common/embeddings.ts'
import { withQueryCache } from '../common/query-cache.ts'
import type { WaitingRequests } from './model-requests.ts'
import { createRecordedCalls, type RecordedCallsOptions } from './recorded-calls.ts'

export interface DifyEmbedderOptions extends RecordedCallsOptions {
  requests: Pick<WaitingRequests, 'run' | 'isReachable'>
  /** The name of the model in Dify. */
  model: string
  dimensions: number
  /** Of a scope; namespaces share no cached vectors, because their clients make them. */
  namespaceOf: (scope: string) => string
  /** Text before each query and each document. @default as the model was trained, if its name is known */
  prefixes?: Partial<Record<keyof Prefixes, string | undefined>> | undefined
  /** Most texts per request. @default 16, and fewer where vectors are long */
  maxTexts?: number | undefined
  /** Most tokens per text, estimated; the rest is cut off. @default as the model was trained, at most 8000 */
  maxTextTokens?: number | undefined
}

const MAX_TEXTS = 16
const MAX_TEXT_TOKENS = 8000
/** Estimated tokens of a request, about 190 KB: it passes through the pipes of the plugin daemon. */
const MAX_TOKENS = 64_000
/** Numbers in an answer, 350 KB as base64: `MAX_BODY_BYTES` is 1 MiB by default. */
const MAX_NUMBERS = 65_536

/** The embedding model that is chosen in nodes of Dify. Embeds only while a node with this model runs. */
export function difyEmbedder(options: DifyEmbedderOptions): Embedder {
  const { requests, model, dimensions, namespaceOf, maxTexts = MAX_TEXTS } = options
  const { maxTextTokens = knownModel(model).maxTokens ?? MAX_TEXT_TOKENS } = options
  const prefixes = prefixesOf(options)
  const fitting = Math.max(1, Math.floor(MAX_NUMBERS / dimensions))
  const bounds = { maxTexts: Math.min(maxTexts, fitting), maxTokens: MAX_TOKENS, maxTextTokens }
  const call = createRecordedCalls(options)
  const invalid = (got: string) =>
    new ModelUnavailable('bad_answer', `Dify: the model ${model} returned ${got}`)

  const embed: Embedder['embed'] = async (texts, kind, signal, account = { scope: '' }) => {
    const vectors: Float32Array[] = []
    const prefixed = texts.map((text) => prefixes[kind] + text)
    for (const batch of batchesOf(prefixed, bounds)) {
      const embedded = await call(
        { kind, texts: batch },
        {
          ...{ purpose: 'embed', model, account, signal },
          read: ({ vectors: given }) => {
            if (given.length !== batch.length)
              throw invalid(`${given.length} embeddings for ${batch.length} texts`)
            return given.map((one) => vectorOf(one, dimensions, invalid))
          },
        },
      )
      vectors.push(...embedded)
    }
    return vectors
  }

  return {
    name: `${model}@dify-${dimensions}${suffixOf(prefixes)}`,
    dimensions,
    isReachable: (scope) => requests.isReachable(scope, 'document'),
    embed: withQueryCache(dimensions, embed, namespaceOf),
  }
}

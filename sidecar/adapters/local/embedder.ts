import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pTimeout from 'p-timeout'
import { Piscina } from 'piscina'
import type { Embedder } from '../../ports/embedder.ts'
import { ModelUnavailable } from '../../ports/language-model.ts'
import { type Prefixes, prefixesOf, suffixOf } from '../common/embedding-prefixes.ts'
import { withQueryCache } from '../common/query-cache.ts'
import type { EmbedResult, EmbedTask } from './worker.ts'

export interface LocalEmbedderOptions {
  /** Name on huggingface.co, with files for ONNX Runtime: `Xenova/multilingual-e5-small`. */
  model: string
  /** Models are downloaded to the folder `models` in it, once. */
  dataDir: string
  /** Text before each query and each document. @default as the model was trained, if its name is known */
  prefixes?: Partial<Record<keyof Prefixes, string | undefined>> | undefined
  /** Name of the package, or path of its entry file. @default `@huggingface/transformers` */
  library?: string | undefined
  /** Deadline of the first call, which downloads and loads the model, milliseconds. @default 15 minutes */
  loadTimeoutMs?: number | undefined
  /** Deadline of a batch, milliseconds. @default 60 000 */
  timeoutMs?: number | undefined
}

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))
const LOAD_TIMEOUT_MS = 15 * 60_000
const TIMEOUT_MS = 60_000
/** Texts per call of the model. A query waits for at most one other call. */
const BATCH = 8
/** UTF-16 code units of a text that are embedded; the model reads about the first 512 tokens. */
const MAX_LENGTH = 8_000
/** Limit of queued calls. */
const MAX_QUEUE = 1_000

/**
 * An embedding model in this process, in a worker thread, through the package `@huggingface/transformers`, which the
 * operator installs. After a deadline the thread is ended, and the next call loads the model again.
 * @throws {Error} if the package or the model cannot be loaded
 */
export async function openLocalEmbedder(options: LocalEmbedderOptions): Promise<Embedder> {
  const { model, dataDir, library = '@huggingface/transformers' } = options
  const { loadTimeoutMs = LOAD_TIMEOUT_MS, timeoutMs = TIMEOUT_MS } = options
  const prefixes = prefixesOf(options)
  const folder = join(dataDir, 'models')
  const pool = new Piscina<EmbedTask, EmbedResult>({
    filename: WORKER,
    minThreads: 0,
    maxThreads: 1,
    maxQueue: MAX_QUEUE,
    idleTimeout: Number.POSITIVE_INFINITY,
  })
  let isLoaded = false

  async function call(texts: readonly string[]): Promise<EmbedResult> {
    const controller = new AbortController()
    const milliseconds = isLoaded ? timeoutMs : loadTimeoutMs
    try {
      const result = await pTimeout(
        pool.run({ library, model, folder, texts }, { signal: controller.signal }),
        {
          milliseconds,
          message: new ModelUnavailable(
            'timeout',
            `The local model ${model} did not answer in ${milliseconds} ms`,
          ),
        },
      )
      isLoaded = true
      return result
    } catch (error) {
      if (error instanceof ModelUnavailable) {
        isLoaded = false
        controller.abort()
        throw error
      }
      throw new ModelUnavailable('server_error', `The local model ${model}: ${(error as Error).message}`)
    }
  }

  const { dimensions } = await call([`${prefixes.query}probe`])

  async function embedAll(
    texts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> {
    const vectors: Float32Array[] = []
    for (let i = 0; i < texts.length; i += BATCH) {
      signal?.throwIfAborted()
      const batch = texts.slice(i, i + BATCH)
      const { values } = await orAborted(call(batch), signal)
      for (let k = 0; k < batch.length; k++) {
        vectors.push(values.slice(k * dimensions, (k + 1) * dimensions))
      }
    }
    return vectors
  }

  return {
    name: `local:${model}-${dimensions}${suffixOf(prefixes)}`,
    dimensions,
    embed: withQueryCache(dimensions, async (texts, purpose, signal) => {
      const cut = texts.map((text) => prefixes[purpose] + text.slice(0, MAX_LENGTH).toWellFormed())
      return await embedAll(cut, signal)
    }),
  }
}

/** Rejects when the signal is aborted; the thread completes the call. */
async function orAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return await (signal ? pTimeout(result, { milliseconds: Number.POSITIVE_INFINITY, signal }) : result)
}

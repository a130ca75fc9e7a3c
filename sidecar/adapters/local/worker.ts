/* Worker thread: holds one model of the package @huggingface/transformers, and embeds texts with it. */
import { pathToFileURL } from 'node:url'

export interface EmbedTask {
  /** Package name, or path of its entry file. */
  library: string
  /** Name on huggingface.co. */
  model: string
  /** Folder of the downloaded models. */
  folder: string
  texts: readonly string[]
}

export interface EmbedResult {
  /** Vectors one after another. */
  values: Float32Array
  dimensions: number
}

/** The used part of the package, which is not a dependency of this project. */
interface Transformers {
  env: { cacheDir: string; localModelPath: string; allowLocalModels: boolean }
  pipeline(
    task: 'feature-extraction',
    model: string,
    options: { dtype: string },
  ): Promise<
    (
      texts: readonly string[],
      options: { pooling: 'mean'; normalize: true },
    ) => Promise<{ data: Float32Array; dims: readonly number[] }>
  >
}

/** Weights of 8 bits: a quarter of the download and of the memory, and faster on a CPU. */
const DTYPE = 'q8'

let loading: ReturnType<Transformers['pipeline']> | undefined

export default async function embed({ library, model, folder, texts }: EmbedTask): Promise<EmbedResult> {
  loading ??= load(library, model, folder)
  const extract = await loading.catch((error) => {
    // The next call tries again: the download may have failed.
    loading = undefined
    throw error
  })
  const { data, dims } = await extract(texts, { pooling: 'mean', normalize: true })
  return { values: Float32Array.from(data), dimensions: dims.at(-1) ?? 0 }
}

async function load(library: string, model: string, folder: string) {
  const { env, pipeline } = await importLibrary(library)
  // A model that is already in the folder is not downloaded.
  Object.assign(env, { cacheDir: folder, localModelPath: folder, allowLocalModels: true })
  return await pipeline('feature-extraction', model, { dtype: DTYPE })
}

async function importLibrary(library: string): Promise<Transformers> {
  try {
    return await import(library.startsWith('/') ? pathToFileURL(library).href : library)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_MODULE_NOT_FOUND' ? 'it is not installed' : message
    throw new Error(
      `cannot load the package ${library} (${reason}). Install it with \`npm install --no-save --ignore-scripts @huggingface/transformers@4\` in the folder of the sidecar`,
    )
  }
}

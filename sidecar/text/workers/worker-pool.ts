import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import PQueue from 'p-queue'
import { Piscina } from 'piscina'
import { addUnlessAborted } from './queue.ts'

/**
 * A call that reads at least this many characters runs in a worker thread. Reading fewer blocks the event loop for 1 ms
 * (Latin script) to 25 ms (Chinese, Japanese, Thai); a thread would cost about as much.
 */
export const OFFLOAD_CHARACTERS = 4_000

/** One core stays free for the event loop. */
const MAX_THREADS = Math.min(2, Math.max(1, availableParallelism() - 1))

/** Calls that wait for a thread. Each holds its input in memory. */
const MAX_QUEUE = 1_000

/** Piscina would stop the thread of a call that is aborted while it runs. */
const calls = new PQueue({ concurrency: MAX_THREADS })

/** Milliseconds until an idle thread exits and frees its memory. */
const IDLE_MS = 60_000

/** Texts live shortly. V8 would give each thread up to 200 MB for them. */
const YOUNG_GENERATION_MB = 48

let pool: Piscina | undefined

/**
 * Makes an exported function callable without blocking the event loop: short input is processed inline, longer input in
 * a worker thread. Both give the same result.
 *
 * The function must be pure, its input and result plain data (structured clone), and it must be exported from `module`
 * under its own name. Threads start with the first long call and never keep the process alive.
 *
 * A call whose signal is aborted while it waits for a thread is not started, and rejects with the reason.
 *
 * @param module `import.meta.url` of the module that exports `fn`
 * @param charactersOf characters of text that `fn` reads of its input
 */
export function offloaded<Input, Result>(
  module: string,
  fn: (input: Input) => Result,
  charactersOf: (input: Input) => number,
): (input: Input, signal?: AbortSignal) => Promise<Result> {
  return async (input, signal) => {
    if (charactersOf(input) < OFFLOAD_CHARACTERS) return fn(input)
    pool ??= new Piscina({
      minThreads: 0,
      maxThreads: MAX_THREADS,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    // A full queue slows the event loop down, so that fewer new requests are accepted.
    if (calls.size >= MAX_QUEUE) return fn(input)
    const threads = pool
    const run = () => threads.run(input, { filename: fileURLToPath(module), name: fn.name })
    return await addUnlessAborted(calls, run, signal)
  }
}

/** Consecutive groups of items with at least `OFFLOAD_CHARACTERS` characters each, except the last. */
export function chunksByLength<T>(items: readonly T[], lengthOf: (item: T) => number): T[][] {
  const chunks: T[][] = []
  let chunk: T[] = []
  let length = 0
  for (const item of items) {
    chunk.push(item)
    length += lengthOf(item)
    if (length < OFFLOAD_CHARACTERS) continue
    chunks.push(chunk)
    chunk = []
    length = 0
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}

/** The total length of texts, in UTF-16 code units. */
export function totalLength(texts: Iterable<string>): number {
  let length = 0
  for (const text of texts) length += text.length
  return length
}

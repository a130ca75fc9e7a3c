import PQueue from 'p-queue'
import { addUnlessAborted } from '../../text/workers/queue.ts'

/** Chunks of large answers that are produced at once, in the whole process. More would block other requests. */
const CHUNKS_AT_ONCE = 2

const producing = new PQueue({ concurrency: CHUNKS_AT_ONCE })

/**
 * Queues work that takes as much time or memory as a chunk of a large answer.
 * @param signal when it is aborted, work that waits is not started
 */
export async function runChunk<T>(produce: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return await addUnlessAborted(producing, produce, signal)
}

/**
 * Streams an answer. Each chunk is produced when the client has read the previous one, and none after it has disconnected.
 * The first chunk is produced immediately, so that its failure becomes an error response.
 */
export async function streamed(
  chunks: AsyncGenerator<string>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder()
  let next = await runChunk(() => chunks.next(), signal)
  let isCancelled = false
  return new ReadableStream(
    {
      async pull(controller) {
        if (next.done) return controller.close()
        controller.enqueue(encoder.encode(next.value))
        next = await runChunk(async () =>
          isCancelled ? { done: true, value: undefined } : await chunks.next(),
        )
      },
      async cancel() {
        isCancelled = true
        await chunks.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

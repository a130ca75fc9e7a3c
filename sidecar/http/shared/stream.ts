import PQueue from 'p-queue'

/** Chunks of large answers that are produced at once, over all of them. More would hold up other requests. */
const CHUNKS_AT_ONCE = 2

const producing = new PQueue({ concurrency: CHUNKS_AT_ONCE })

/** Runs work that takes the time or the memory of a chunk of a large answer. */
export async function inTurn<T>(produce: () => Promise<T>): Promise<T> {
  return await producing.add(produce)
}

/**
 * Streams an answer: a chunk is produced when the client has taken the one before it, and none after it has gone. The
 * first chunk is produced at once, so that its failure is answered as an error.
 */
export async function streamed(
  chunks: AsyncGenerator<string>,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder()
  let next = await inTurn(() => chunks.next())
  let isCancelled = false
  return new ReadableStream(
    {
      async pull(controller) {
        if (next.done) return controller.close()
        controller.enqueue(encoder.encode(next.value))
        next = await inTurn(async () =>
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

import type PQueue from 'p-queue'

/**
 * Queues a task. One whose signal is aborted while it waits is not started, and rejects with the reason. The option
 * `signal` of p-queue would also free the place of a task that still runs.
 */
export async function addUnlessAborted<T>(
  queue: PQueue,
  task: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  return await queue.add(async () => {
    signal?.throwIfAborted()
    return await task()
  })
}

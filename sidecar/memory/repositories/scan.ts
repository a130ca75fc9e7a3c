import PQueue from 'p-queue'
import { addUnlessAborted } from '../../text/workers/queue.ts'

/** Scans that run at once, in the whole process. Each holds thousands of records in memory, and validates them. */
const SCANS_AT_ONCE = 4

const scans = new PQueue({ concurrency: SCANS_AT_ONCE })

/**
 * Queues a read of a whole scope. A scan must not contain another one.
 * @param signal when it is aborted, a scan that waits is not started
 */
export async function scan<T>(read: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return await addUnlessAborted(scans, read, signal)
}

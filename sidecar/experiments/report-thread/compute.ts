import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { AppError } from '../../ports/errors.ts'
import { ReportBuilder } from '../report/report.ts'
import type { Report } from '../report/schema.ts'
import { type ShardUnits, unpackShard } from './shard-units.ts'
import { NEXT_SHARD, type ReportTask } from './worker.ts'

/** Units up to which a report is computed inline: about 20 ms. A thread takes longer than that to start. */
const MAX_INLINE_UNITS = 1000
/** Reports that wait for the thread. */
const MAX_WAITING = 16
/** A report over 100,000 units takes 1 to 2 s. */
const DEADLINE_MS = 60_000
/** Milliseconds until an idle thread exits and frees its memory. */
const IDLE_MS = 10_000
const RETRY_AFTER_S = 5

let pool: Piscina<ReportTask, Report> | undefined

/**
 * Computes the report of an experiment without blocking the event loop: a large one in a worker thread, one at a time.
 *
 * @param count number of units, about
 * @param signal when it is aborted, the report is not computed further
 * @throws {AppError} `overloaded` when too many reports wait, or the report takes longer than a minute
 */
export async function computeReport(
  shards: AsyncIterable<ShardUnits>,
  count: number,
  task: Omit<ReportTask, 'port'>,
  signal?: AbortSignal,
): Promise<Report> {
  if (count <= MAX_INLINE_UNITS) {
    const builder = new ReportBuilder(task.experiment, task.options)
    for await (const shard of shards) {
      signal?.throwIfAborted()
      for (const unit of unpackShard(shard)) builder.add(unit)
    }
    return builder.report()
  }
  pool ??= new Piscina({
    filename: fileURLToPath(new URL('worker.ts', import.meta.url)),
    minThreads: 0,
    maxThreads: 1,
    maxQueue: MAX_WAITING + 1,
    idleTimeout: IDLE_MS,
  })
  if (pool.queueSize >= MAX_WAITING) throw overloaded(`${MAX_WAITING} reports are waiting`)
  return await computeInThread(pool, shards, task, signal)
}

async function computeInThread(
  threads: Piscina<ReportTask, Report>,
  shards: AsyncIterable<ShardUnits>,
  task: Omit<ReportTask, 'port'>,
  signal: AbortSignal | undefined,
): Promise<Report> {
  const { port1: own, port2: port } = new MessageChannel()
  const abort = new AbortController()
  const stop = () => abort.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  const deadline = setTimeout(
    () => abort.abort(overloaded('The report took more than a minute')),
    DEADLINE_MS,
  )
  const source = shards[Symbol.asyncIterator]()
  // One shard is read ahead: the first one while the thread starts.
  let ahead = source.next()
  ahead.catch(() => {})
  own.on('message', (message) => {
    if (message !== NEXT_SHARD) return
    ahead.then(
      ({ done, value }) => own.postMessage(done ? null : value),
      (error) => abort.abort(error),
    )
    ahead = source.next()
    ahead.catch(() => {})
  })
  try {
    return await threads.run({ ...task, port }, { transferList: [port], signal: abort.signal })
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', stop)
    own.close()
  }
}

function overloaded(reason: string): AppError {
  return new AppError('overloaded', `${reason}. Retry later.`, { retryAfterS: RETRY_AFTER_S })
}

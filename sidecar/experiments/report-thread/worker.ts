import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import type { Experiment } from '../model.ts'
import { ReportBuilder } from '../report/report.ts'
import type { Report } from '../report/schema.ts'
import type { ReportOptions } from '../report/settings.ts'
import { type ShardUnits, unpackShard } from './shard-units.ts'

export interface ReportTask {
  /** Gets `NEXT_SHARD` for each message that the thread is ready for; sends a `ShardUnits`, at last `null`. */
  port: MessagePort
  experiment: Experiment
  options: Omit<ReportOptions, 'now'>
}

export const NEXT_SHARD = 'next'

/** Computes a report in a worker thread. The next shard is read while one is added. */
export default async function computeReport({ port, experiment, options }: ReportTask): Promise<Report> {
  const builder = new ReportBuilder(experiment, options)
  const request = () => {
    const received = once(port, 'message')
    port.postMessage(NEXT_SHARD)
    return received
  }
  let next = request()
  for (;;) {
    const [shard] = (await next) as [ShardUnits | null]
    if (shard === null) break
    next = request()
    for (const unit of unpackShard(shard)) builder.add(unit)
  }
  port.close()
  return builder.report()
}

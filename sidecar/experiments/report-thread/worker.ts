import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import type { Experiment, UnitSummary } from '../model.ts'
import { type ShardUnits, unpackShard } from '../online/unit-record.ts'
import { createReport } from '../report/report.ts'
import type { Report } from '../report/schema.ts'
import type { ReportOptions } from '../report/settings.ts'

export interface ReportTask {
  /** Gets `NEXT_SHARD` for each message that the thread is ready for; sends a `ShardUnits`, at last `null`. */
  port: MessagePort
  experiment: Experiment
  options: Omit<ReportOptions, 'now'>
}

export const NEXT_SHARD = 'next'

/** Computes a report in a worker thread, from shards that it asks for one after the other. */
export default async function computeReport({ port, experiment, options }: ReportTask): Promise<Report> {
  const units: UnitSummary[] = []
  for (;;) {
    const received = once(port, 'message')
    port.postMessage(NEXT_SHARD)
    const [shard] = (await received) as [ShardUnits | null]
    if (shard === null) break
    for (const unit of unpackShard(shard)) units.push(unit)
  }
  port.close()
  return createReport(experiment, units, options)
}

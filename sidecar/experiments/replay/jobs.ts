import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OnInvalidRecord } from '../../memory/repositories/record.ts'
import { AppError } from '../../ports/errors.ts'
import type { Log } from '../../ports/log.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ReplayEngines } from './engine.ts'
import type { ReplayOptions } from './options.ts'
import { replay } from './replay.ts'
import { createReplayReport, type ReplayReport } from './report.ts'
import type { Tally } from './tally.ts'

export const JOB_STATUSES = ['running', 'done', 'cancelled', 'failed'] as const

export interface ReplayJob {
  id: string
  namespace: string
  status: (typeof JOB_STATUSES)[number]
  options: ReplayOptions
  /** Turns. */
  done: number
  total: number
  /** Epoch milliseconds. */
  startedAt: number
  endedAt: number | null
  error: string | null
  report: ReplayReport | null
}

export interface ReplayJobsOptions {
  records: RecordStore
  openEngines: () => ReplayEngines
  onInvalidRecord?: OnInvalidRecord | undefined
  log: Pick<Log, 'warn'>
  now: () => number
  /** Milliseconds to pause after a turn that took `tookMs`. */
  pauseAfter?: (tookMs: number) => number
}

const MAX_JOBS = 10
/** Pauses as long as it worked, at most 1 s, so that a replay takes at most half of the time. */
const pauseForSameTime = (tookMs: number) => Math.min(1000, tookMs)

/** Replays in the background of a sidecar, one at a time. The latest jobs are kept in memory, with their reports. */
export class ReplayJobs {
  readonly #options: ReplayJobsOptions
  /** Oldest first. */
  readonly #jobs = new Map<string, ReplayJob>()
  #running: { job: ReplayJob; controller: AbortController; ended: Promise<void> } | undefined
  #isClosed = false

  constructor(options: ReplayJobsOptions) {
    this.#options = options
  }

  /** @throws {AppError} `conflict` while another replay runs */
  start(namespace: string, options: ReplayOptions): ReplayJob {
    if (this.#isClosed) throw new AppError('backend_unavailable', 'The sidecar is shutting down.')
    if (this.#running) {
      const message = 'Another replay is running. Wait until it ends, or cancel it.'
      throw new AppError('conflict', message)
    }
    const job: ReplayJob = {
      ...{ id: randomUUID(), namespace, status: 'running', options, done: 0, total: 0 },
      ...{ startedAt: this.#options.now(), endedAt: null, error: null, report: null },
    }
    this.#jobs.set(job.id, job)
    for (const id of this.#jobs.keys()) if (this.#jobs.size > MAX_JOBS) this.#jobs.delete(id)
    const controller = new AbortController()
    this.#running = { job, controller, ended: this.#run(job, controller.signal) }
    return job
  }

  /** Newest first. */
  list(namespace: string): ReplayJob[] {
    return [...this.#jobs.values()].filter((job) => job.namespace === namespace).reverse()
  }

  /** @throws {AppError} `not_found` */
  get(namespace: string, id: string): ReplayJob {
    const job = this.#jobs.get(id)
    if (job?.namespace !== namespace) throw new AppError('not_found', `id: no replay ${JSON.stringify(id)}`)
    return job
  }

  /** Cancels a running replay; one that has ended keeps its result. */
  async cancel(namespace: string, id: string): Promise<ReplayJob> {
    const job = this.get(namespace, id)
    if (this.#running?.job === job) await this.#stop()
    return job
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#stop()
  }

  async #stop(): Promise<void> {
    const running = this.#running
    running?.controller.abort()
    await running?.ended
  }

  /** Never rejects. */
  async #run(job: ReplayJob, signal: AbortSignal): Promise<void> {
    const { log, now } = this.#options
    // The caller gets the job before it starts.
    await sleep(0)
    let end: Partial<ReplayJob>
    try {
      end = { status: 'done', report: createReplayReport(job.options, await this.#replay(job, signal)) }
    } catch (error) {
      if (!signal.aborted) log.warn('replay failed', { error: String(error) })
      const reason = error instanceof AppError ? error.message : 'internal error, see the log of the sidecar'
      end = signal.aborted ? { status: 'cancelled' } : { status: 'failed', error: reason }
    }
    // A client that reads the new status may start the next replay.
    this.#running = undefined
    Object.assign(job, { ...end, endedAt: now() })
  }

  async #replay(job: ReplayJob, signal: AbortSignal): Promise<Tally> {
    const { records, openEngines, onInvalidRecord, pauseAfter = pauseForSameTime } = this.#options
    await using engines = openEngines()
    let since = performance.now()
    return await replay(job.options, {
      source: records,
      engines,
      onInvalidRecord,
      signal,
      onProgress: (done, total) => Object.assign(job, { done, total }),
      pause: async () => {
        await sleep(pauseAfter(performance.now() - since))
        since = performance.now()
      },
    })
  }
}

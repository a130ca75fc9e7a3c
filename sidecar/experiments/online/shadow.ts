import type { Strategies } from '../../retrieval/strategies/strategies.ts'
import type { Arm, Experiment } from '../model.ts'
import { type ArmAnswer, applyArm, compare } from './exposure.ts'
import type { Place } from './places.ts'
import type { ComparisonRow } from './summary.ts'

/** An injected answer that the other arms of its experiment are compared with. */
export interface ShadowJob {
  place: Place
  experiment: Experiment
  served: ArmAnswer
}

export type ShadowEffect = 'compared' | 'degraded' | 'failed' | 'dropped'

export interface ShadowOptions {
  strategies: Pick<Strategies, 'recall'>
  onComparison: (job: ShadowJob, row: ComparisonRow) => void
  /** Called for each arm, or once for a job that is dropped. */
  onEffect?: ((effect: ShadowEffect) => void) | undefined
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'> | undefined
  /** Milliseconds, monotonic. */
  clock?: (() => number) | undefined
}

/** Share of the wall time in which shadow recalls may run. */
const BUDGET = 0.1
const MAX_JOBS = 32
/** Milliseconds after which a queued turn is dropped, because memories may have changed since. */
const MAX_AGE_MS = 30_000

/**
 * Answers sampled turns with the arms that were not injected. One recall at a time, after the answer was sent; a pause
 * after each job keeps the share of the time within the budget. A full queue drops the new job.
 */
export class Shadow {
  readonly #options: ShadowOptions
  readonly #timers: NonNullable<ShadowOptions['timers']>
  readonly #clock: () => number
  readonly #jobs: { job: ShadowJob; since: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(options: ShadowOptions) {
    this.#options = options
    this.#timers = options.timers ?? globalThis
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** Never throws and never blocks. */
  add(job: ShadowJob): void {
    if (this.#isClosed) return
    if (this.#jobs.length >= MAX_JOBS) {
      this.#options.onEffect?.('dropped')
      return
    }
    this.#jobs.push({ job, since: this.#clock() })
    if (!this.#timer && !this.#running) this.#schedule(0)
  }

  /** Drops the queued jobs. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#jobs.length = 0
    this.#timers.clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(ms: number): void {
    this.#timer = this.#timers.setTimeout(() => {
      this.#timer = undefined
      this.#running = this.#runNext()
    }, ms)
    this.#timer.unref?.()
  }

  async #runNext(): Promise<void> {
    const started = this.#clock()
    const next = this.#jobs.shift()
    if (next && started - next.since > MAX_AGE_MS) this.#options.onEffect?.('dropped')
    else if (next) await this.#run(next.job)
    this.#running = undefined
    if (this.#jobs.length === 0 || this.#isClosed) return
    this.#schedule((this.#clock() - started) * (1 / BUDGET - 1))
  }

  async #run(job: ShadowJob): Promise<void> {
    const { experiment, served } = job
    for (const arm of experiment.arms) {
      if (arm.name === served.arm || this.#isClosed) continue
      this.#options.onEffect?.(await this.#runArm(job, arm))
    }
  }

  async #runArm(job: ShadowJob, arm: Arm): Promise<ShadowEffect> {
    const { experiment, served } = job
    // The client has its answer, and may disconnect.
    const request = {
      ...applyArm(served.original, experiment.name, arm),
      shadow: arm.name,
      signal: undefined,
    }
    try {
      const result = await this.#options.strategies.recall(served.scope, request)
      if (result.degraded.length > 0) return 'degraded'
      this.#options.onComparison(job, compare(served, { arm: arm.name, request, result }))
      return 'compared'
    } catch {
      return 'failed'
    }
  }
}

import { NodeError } from './failure.ts'

export interface AvailabilityOptions {
  /** Resolves when the sidecar at this address answers. */
  probe: (base: string) => Promise<void>
  /** Epoch milliseconds. */
  now?: () => number
  setTimeout?: (callback: () => void, ms: number) => { unref?(): unknown }
}

interface State {
  /** Timeouts since the last answer. */
  timeouts: number
  /** While set, no call is sent. */
  nextProbeAt: number | undefined
}

const MAX_TIMEOUTS = 2
const PAUSE_MS = 15_000
/** Sidecars that one plugin process remembers; it serves every workspace. */
const MAX_SIDECARS = 1000

/**
 * A circuit breaker per sidecar. A sidecar that hangs would cost every turn of every chat two deadlines. After two timeouts
 * in a row, calls fail at once, and a probe in the background decides every 15 seconds whether they are sent again, so
 * that no user waits for it.
 */
export class Availability {
  readonly #options: Required<AvailabilityOptions>
  readonly #states = new Map<string, State>()

  constructor(options: AvailabilityOptions) {
    this.#options = { now: Date.now, setTimeout: (...args) => setTimeout(...args), ...options }
  }

  /** Throws `NodeError` while calls to the sidecar are suspended. */
  assertAvailable(base: string): void {
    const nextProbeAt = this.#states.get(base)?.nextProbeAt
    if (nextProbeAt === undefined) return
    const seconds = Math.max(1, Math.ceil((nextProbeAt - this.#options.now()) / 1000))
    throw new NodeError(
      `The Hippocache sidecar at ${base} did not answer ${MAX_TIMEOUTS} calls in a row and is not called now. It is checked again in ${seconds} s.`,
      { isAway: true },
    )
  }

  answered(base: string): void {
    this.#states.delete(base)
  }

  timedOut(base: string): void {
    const state = this.#states.get(base) ?? { timeouts: 0, nextProbeAt: undefined }
    state.timeouts += 1
    this.#states.set(base, state)
    if (this.#states.size > MAX_SIDECARS) this.#states.delete(this.#states.keys().next().value as string)
    if (state.timeouts >= MAX_TIMEOUTS && state.nextProbeAt === undefined) this.#scheduleProbe(base, state)
  }

  #scheduleProbe(base: string, state: State): void {
    state.nextProbeAt = this.#options.now() + PAUSE_MS
    this.#options.setTimeout(() => void this.#probe(base, state), PAUSE_MS).unref?.()
  }

  async #probe(base: string, state: State): Promise<void> {
    try {
      await this.#options.probe(base)
      if (this.#states.get(base) === state) this.#states.delete(base)
    } catch {
      if (this.#states.get(base) === state) this.#scheduleProbe(base, state)
    }
  }
}

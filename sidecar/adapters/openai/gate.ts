import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IBackoff,
} from 'cockatiel'
import type { Outage } from '../../ports/language-model.ts'
import { EndpointFailure } from './failures.ts'
import { rejectOnAbort, type Time } from './time.ts'

/** Limits for the load on an endpoint. */
export interface Limits {
  /** Concurrent calls, including their retries. @default 4 */
  concurrency?: number | undefined
  /** Retries after a transient failure. @default 2 */
  retries?: number | undefined
  /** Consecutive failures that open the circuit breaker. @default 5 */
  breakAfter?: number | undefined
}

/** Calls that may wait; further calls are rejected immediately. */
export const MAX_WAITING = 100
/** Time until the open circuit breaker lets one call through, milliseconds. */
const BREAK_FOR_MS = 30_000
/** If the endpoint asks for a longer delay before a retry, the call fails instead; milliseconds. */
const MAX_RETRY_DELAY_MS = 30_000
/** Exponential, with jitter. */
const RETRY_DELAYS = new ExponentialBackoff({ initialDelay: 500, maxDelay: MAX_RETRY_DELAY_MS })

/**
 * Concurrency limit around retries around the circuit breaker. `run` runs an attempt, and repeats it if
 * its `EndpointFailure` is retryable. `what` names the endpoint in messages.
 * @returns `failing`: since when calls fail, once the circuit is open or the key is refused
 */
export function createGate(limits: Limits, time: Time, what: string) {
  const { concurrency = 4, retries = 2, breakAfter = 5 } = limits
  const slots = bulkhead(concurrency, MAX_WAITING)
  const recovery = afterDelay(BREAK_FOR_MS, time)
  const breaker = circuitBreaker(
    // An aborted probe proves nothing, so the circuit stays open.
    handleWhen((error) => isOutage(error) || (breaker.state === CircuitState.HalfOpen && !isFailure(error))),
    { breaker: new ConsecutiveBreaker(breakAfter), halfOpenAfter: recovery },
  )

  /** Failures since the last success. */
  let outage: Outage | undefined
  let isKeyRefused = false

  async function observed<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      const result = await attempt()
      outage = undefined
      isKeyRefused = false
      return result
    } catch (error) {
      isKeyRefused = isFailure(error) && error.reason === 'refused_key'
      if (isOutage(error) || isKeyRefused) {
        outage = { since: outage?.since ?? time.now(), error: (error as Error).message }
      }
      throw error
    }
  }

  async function retry<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    let delay = RETRY_DELAYS.next()
    for (let tried = 0; ; tried++, delay = delay.next(undefined)) {
      signal?.throwIfAborted()
      try {
        return await breaker.execute(() => observed(attempt))
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw circuitOpen(what, recovery.remaining())
        if (!isFailure(error) || !error.isRetryable || tried >= retries) throw error
        // The failure that opened the circuit is more informative than that it is open.
        if (breaker.state === CircuitState.Open) throw error
        const { retryAfterMs = 0 } = error
        if (retryAfterMs > MAX_RETRY_DELAY_MS) throw error
        await time.sleep(Math.max(retryAfterMs, delay.duration), signal)
      }
    }
  }

  async function run<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted()
    try {
      // The bulkhead gets no signal: aborting a queued call would block the next one forever.
      const call = slots.execute(() => retry(attempt, signal))
      return await rejectOnAbort(call, signal)
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error
      const limit = `${concurrency} running and ${MAX_WAITING} waiting calls`
      throw new EndpointFailure('rate_limited', `${what} is at its limit of ${limit}`)
    }
  }

  const isFailing = () => isKeyRefused || breaker.state !== CircuitState.Closed
  return { run, failing: () => (isFailing() ? outage : undefined) }
}

/** Half-opens the circuit by the injected clock. cockatiel uses the system clock, so it gets 0 or infinity. */
function afterDelay(breakForMs: number, time: Time) {
  let openedAt = 0
  const remaining = () => Math.max(0, openedAt + breakForMs - time.now())
  const next = (): IBackoff<unknown> => {
    openedAt = time.now()
    return {
      next,
      get duration() {
        return remaining() > 0 ? Number.POSITIVE_INFINITY : 0
      },
    }
  }
  return { next, remaining }
}

function circuitOpen(what: string, retryAfterMs: number): EndpointFailure {
  const seconds = Math.ceil(retryAfterMs / 1000)
  const message = `${what} failed repeatedly; calls are suspended for another ${seconds} s`
  return new EndpointFailure('circuit_open', message, { retryAfterMs })
}

function isFailure(error: unknown): error is EndpointFailure {
  return error instanceof EndpointFailure
}

/** A caller's `AbortSignal.timeout` counts as well: further calls would time out too. */
function isOutage(error: unknown): boolean {
  return isFailure(error) ? error.isOutage : error instanceof Error && error.name === 'TimeoutError'
}

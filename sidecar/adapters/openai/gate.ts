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
import { EndpointFailure } from './failures.ts'
import { rejectOnAbort, type Time } from './time.ts'

/** Limits for the load on an endpoint. */
export interface Limits {
  /** Concurrent calls, including their retries. @default 4 */
  concurrency?: number | undefined
  /** Calls that may wait; further calls are rejected immediately. @default 100 */
  queue?: number | undefined
  /** Retries after a transient failure. @default 2 */
  retries?: number | undefined
  /** Approximate first retry delay; exponential with jitter. @default 500 */
  retryDelayMs?: number | undefined
  /** If the endpoint asks for a longer delay, the call fails instead. @default 30_000 */
  maxRetryDelayMs?: number | undefined
  /** Consecutive failures that open the circuit breaker. @default 5 */
  breakAfter?: number | undefined
  /** Time until the open circuit breaker lets one call through. @default 30_000 */
  breakForMs?: number | undefined
}

export interface Gate {
  /** Runs `attempt` within the concurrency limit, and retries it if its `EndpointFailure` is retryable. */
  run<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** Concurrency limit around retries around the circuit breaker. `what` names the endpoint in messages. */
export function createGate(limits: Limits, time: Time, what: string): Gate {
  const concurrency = assertInteger('concurrency', limits.concurrency ?? 4, 1)
  const queue = assertInteger('queue', limits.queue ?? 100, 0)
  const retries = assertInteger('retries', limits.retries ?? 2, 0)
  const breakAfter = assertInteger('breakAfter', limits.breakAfter ?? 5, 1)
  const breakForMs = assertInteger('breakForMs', limits.breakForMs ?? 30_000, 0)
  const maxDelay = assertInteger('maxRetryDelayMs', limits.maxRetryDelayMs ?? 30_000, 0)
  const initialDelay = assertInteger('retryDelayMs', limits.retryDelayMs ?? 500, 0)

  const slots = bulkhead(concurrency, queue)
  const delays = new ExponentialBackoff({ initialDelay, maxDelay })
  const recovery = afterDelay(breakForMs, time)
  const breaker = circuitBreaker(
    // An aborted probe proves nothing, so the circuit stays open.
    handleWhen((error) => isOutage(error) || (breaker.state === CircuitState.HalfOpen && !isFailure(error))),
    { breaker: new ConsecutiveBreaker(breakAfter), halfOpenAfter: recovery },
  )

  const attempts = async <T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    let delay = delays.next()
    for (let tried = 0; ; tried++, delay = delay.next(undefined)) {
      signal?.throwIfAborted()
      try {
        return await breaker.execute(attempt)
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw circuitOpen(what, recovery.remaining())
        if (!isFailure(error) || !error.isRetryable || tried >= retries) throw error
        // The failure that opened the circuit is more informative than that it is open.
        if (breaker.state === CircuitState.Open) throw error
        if ((error.retryAfterMs ?? 0) > maxDelay) throw error
        await time.sleep(Math.max(error.retryAfterMs ?? 0, delay.duration), signal)
      }
    }
  }

  return {
    async run(attempt, signal) {
      signal?.throwIfAborted()
      try {
        // The bulkhead gets no signal: aborting a queued call would block the next one forever.
        return await rejectOnAbort(
          slots.execute(() => attempts(attempt, signal)),
          signal,
        )
      } catch (error) {
        if (!(error instanceof BulkheadRejectedError)) throw error
        throw new EndpointFailure(
          'rate_limited',
          `${what} is at its limit of ${concurrency} running and ${queue} waiting calls`,
        )
      }
    },
  }
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
  return new EndpointFailure(
    'circuit_open',
    `${what} failed repeatedly; calls are suspended for another ${Math.ceil(retryAfterMs / 1000)} s`,
    { retryAfterMs },
  )
}

function isFailure(error: unknown): error is EndpointFailure {
  return error instanceof EndpointFailure
}

/** A caller's `AbortSignal.timeout` counts as well: further calls would time out too. */
function isOutage(error: unknown): boolean {
  return isFailure(error) ? error.isOutage : error instanceof Error && error.name === 'TimeoutError'
}

function assertInteger(option: string, value: number, minimum: number): number {
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new RangeError(`${option}: expected an integer ≥ ${minimum}, got ${value}`)
}

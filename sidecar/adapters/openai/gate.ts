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
import { type Time, unlessAborted } from './time.ts'

/** How hard an endpoint is asked. */
export interface Limits {
  /** Calls at once, with their retries. @default 4 */
  concurrency?: number | undefined
  /** Calls that may wait for their turn; more are refused at once. @default 100 */
  queue?: number | undefined
  /** Further tries after a first one that failed for the moment. @default 2 */
  retries?: number | undefined
  /** First delay before another try, about; it doubles and has jitter. @default 500 */
  retryDelayMs?: number | undefined
  /** Where the endpoint asks to wait longer than this, the call fails instead. @default 30_000 */
  maxRetryDelayMs?: number | undefined
  /** Failures in a row that stop all calls for a while. @default 5 */
  breakAfter?: number | undefined
  /** How long calls fail at once, until one is let through to see. @default 30_000 */
  breakForMs?: number | undefined
}

export interface Gate {
  /** Runs `attempt` when there is room, and again where its `EndpointFailure` allows it. */
  run<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** Room for so many calls, then retries, then the breaker around each try. `what` names the endpoint in messages. */
export function createGate(limits: Limits, time: Time, what: string): Gate {
  const concurrency = whole('concurrency', limits.concurrency ?? 4, 1)
  const queue = whole('queue', limits.queue ?? 100, 0)
  const retries = whole('retries', limits.retries ?? 2, 0)
  const breakAfter = whole('breakAfter', limits.breakAfter ?? 5, 1)
  const breakForMs = whole('breakForMs', limits.breakForMs ?? 30_000, 0)
  const maxDelay = whole('maxRetryDelayMs', limits.maxRetryDelayMs ?? 30_000, 0)
  const initialDelay = whole('retryDelayMs', limits.retryDelayMs ?? 500, 0)

  const room = bulkhead(concurrency, queue)
  const delays = new ExponentialBackoff({ initialDelay, maxDelay })
  const closing = until(breakForMs, time)
  const breaker = circuitBreaker(
    // A probe that was called off proves nothing, so the circuit stays open.
    handleWhen((error) => isOutage(error) || (breaker.state === CircuitState.HalfOpen && !isFailure(error))),
    { breaker: new ConsecutiveBreaker(breakAfter), halfOpenAfter: closing },
  )

  const attempts = async <T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    let delay = delays.next()
    for (let tried = 0; ; tried++, delay = delay.next(undefined)) {
      signal?.throwIfAborted()
      try {
        return await breaker.execute(attempt)
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw circuitOpen(what, closing.remaining())
        if (!isFailure(error) || !error.again || tried >= retries) throw error
        // What opened the circuit says more than that it is open.
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
        // The bulkhead gets no signal: one aborted in its queue would let the next in line wait for ever.
        return await unlessAborted(
          room.execute(() => attempts(attempt, signal)),
          signal,
        )
      } catch (error) {
        if (!(error instanceof BulkheadRejectedError)) throw error
        throw new EndpointFailure(
          'rate_limited',
          `${what} has ${concurrency} calls running and ${queue} waiting, which is as many as are allowed`,
        )
      }
    },
  }
}

/** Half-open after so long by the given clock: the library compares with the system's, so it is told 0 or never. */
function until(breakForMs: number, time: Time) {
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
    `${what} failed several times in a row and is not asked for another ${Math.ceil(retryAfterMs / 1000)} s`,
    { retryAfterMs },
  )
}

function isFailure(error: unknown): error is EndpointFailure {
  return error instanceof EndpointFailure
}

/** Also where a caller ran out of patience (`AbortSignal.timeout`): it would with every call. */
function isOutage(error: unknown): boolean {
  return isFailure(error) ? error.outage : error instanceof Error && error.name === 'TimeoutError'
}

function whole(option: string, value: number, minimum: number): number {
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new RangeError(`Expected \`${option}\` to be a whole number of at least ${minimum}, got ${value}`)
}

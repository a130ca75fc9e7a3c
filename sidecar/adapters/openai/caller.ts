import type { Account } from '../../ports/language-model.ts'
import type { LedgerEntry, RecordCall } from '../../ports/ledger.ts'
import { type EndpointOptions, openEndpoint } from './endpoint.ts'
import { failureOf, failureOfStatus, invalidResponse, type Target, timedOut } from './failures.ts'
import { createGate, type Limits } from './gate.ts'
import { member } from './json.ts'
import { rejectOnAbort, systemTime, type Time } from './time.ts'

export interface CallerOptions extends EndpointOptions, Limits {
  /** Timeout of one attempt, including its response body. @default 60_000 */
  timeoutMs?: number | undefined
  /** Called with a ledger entry for every attempt that was sent. */
  record?: RecordCall | undefined
  time?: Time | undefined
}

/** A request with its retries. */
interface Call<T> {
  path: '/chat/completions' | '/embeddings'
  model: string
  body: object
  /** Converts the response body before it is checked for an error and for usage. */
  prepare?: (body: unknown) => unknown
  /** Parses the response body; throws `invalid(what it got)` if it is not the expected response. */
  parse: (body: unknown, invalid: (got: string) => Error) => T
  purpose: LedgerEntry['purpose']
  account: Account
  signal?: AbortSignal | undefined
  /** Attempts so far, shared by requests that serve the same call; incremented by each attempt. */
  attempts: { count: number }
}

/** An endpoint with timeouts, retries, limits and ledger entries. `what` is `language model` or `embedding`. */
export function createCaller(what: string, options: CallerOptions) {
  const { timeoutMs = 60_000, record = () => {}, time = systemTime } = options
  const { host, isOfficial, post } = openEndpoint(options)
  const gate = createGate(options, time, `The ${what} endpoint ${host}`)

  async function attempt<T>(call: Call<T>): Promise<T> {
    const { path, model, body, prepare = (one) => one, parse, purpose, account, signal, attempts } = call
    const target: Target = { what, host, model, secrets: { apiKey: options.apiKey, body } }
    const at = time.now()
    const deadline = time.deadline(timeoutMs)
    const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
    let responseBody: unknown
    const note = (outcome: LedgerEntry['outcome']) =>
      record({
        ...account,
        ...usageOf(responseBody),
        at,
        purpose,
        model,
        latencyMs: Math.max(0, time.now() - at),
        retries: attempts.count++,
        outcome,
      })
    try {
      // At once, so that the circuit breaker counts a timeout before the caller's next call.
      responseBody = prepare(await rejectOnAbort(post(path, model, body, either), either))
      rejectErrorIn(responseBody, target, at)
      const result = parse(responseBody, (got) => invalidResponse(target, got))
      note('ok')
      return result
    } catch (error) {
      if (signal?.aborted) {
        // The ledger has no outcome for an aborted call; the endpoint may have processed it.
        note('timeout')
        throw signal.reason
      }
      const failure = deadline.signal.aborted
        ? timedOut(target, timeoutMs)
        : failureOf(error, target, time.now())
      note(failure.reason === 'circuit_open' ? 'unreachable' : failure.reason)
      throw failure
    } finally {
      deadline.clear()
    }
  }

  return {
    /** Host and port, without credentials. */
    host,
    isOfficial,
    /** Rejects with `EndpointFailure`, or with the signal's reason. */
    call: <T>(call: Call<T>): Promise<T> => gate.run(() => attempt(call), call.signal),
    failing: gate.failing,
  }
}

/** Some gateways (OpenRouter) return the provider's error with status 200. */
function rejectErrorIn(answer: unknown, target: Target, now: number): void {
  const error = member(answer, 'error')
  if (!error || member(answer, 'choices') || member(answer, 'data')) return
  const code = Number(member(error, 'code') ?? member(error, 'status'))
  if (code >= 400 && code < 600) throw failureOfStatus(code, { error }, target, now)
  throw invalidResponse(target, 'an error')
}

function usageOf(answer: unknown): Pick<LedgerEntry, 'tokensIn' | 'tokensOut' | 'tokensCached'> {
  const tokens = (...path: readonly string[]) => {
    const value = member(answer, 'usage', ...path)
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
  }
  return {
    tokensIn: tokens('prompt_tokens'),
    tokensOut: tokens('completion_tokens'),
    tokensCached: tokens('prompt_tokens_details', 'cached_tokens'),
  }
}

import type { Account } from '../../ports/language-model.ts'
import type { LedgerEntry, RecordCall } from '../../ports/ledger.ts'
import { type EndpointOptions, openEndpoint } from './endpoint.ts'
import { type Asked, badAnswer, failureOf, ofStatus, tookTooLong } from './failures.ts'
import { createGate, type Limits } from './gate.ts'
import { member } from './json.ts'
import { systemTime, type Time, unlessAborted } from './time.ts'

export interface CallerOptions extends EndpointOptions, Limits {
  /** Deadline of one try, from its first byte sent to its last received. @default 60_000 */
  timeoutMs?: number | undefined
  /** Takes an entry for every try that was sent. */
  record?: RecordCall | undefined
  time?: Time | undefined
}

/** One request, asked as often as it takes. */
export interface Ask<T> {
  path: '/chat/completions' | '/embeddings'
  model: string
  body: object
  /** Reads the answer; throws `complaint` where it is none. */
  read: (body: unknown, complaint: (came: string) => Error) => T
  purpose: LedgerEntry['purpose']
  account: Account
  signal?: AbortSignal | undefined
  /** Tries made so far for the same call, also under other requests; counted up. */
  tries: { count: number }
}

export interface Caller {
  readonly host: string
  readonly official: boolean
  /** Rejects with `EndpointFailure`, or with the signal's reason. */
  ask<T>(ask: Ask<T>): Promise<T>
}

/** An endpoint behind deadline, retries, limits and ledger. `what` is `language model` or `embedding`. */
export function createCaller(what: string, options: CallerOptions): Caller {
  const { timeoutMs = 60_000, record = () => {}, time = systemTime } = options
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 2 ** 31 - 1) {
    throw new RangeError(
      `Expected \`timeoutMs\` to be a whole number from 1 to ${2 ** 31 - 1}, got ${timeoutMs}`,
    )
  }
  const endpoint = openEndpoint(options)
  const gate = createGate(options, time, `The ${what} endpoint ${endpoint.host}`)

  const attempt = async <T>({
    path,
    model,
    body,
    read,
    purpose,
    account,
    signal,
    tries,
  }: Ask<T>): Promise<T> => {
    const asked: Asked = { what, host: endpoint.host, model }
    const at = time.now()
    const deadline = time.deadline(timeoutMs)
    const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal
    let answer: unknown
    const note = (outcome: LedgerEntry['outcome']) =>
      record({
        ...account,
        ...usageOf(answer),
        at,
        purpose,
        model,
        latencyMs: Math.max(0, time.now() - at),
        retries: tries.count++,
        outcome,
      })
    try {
      // Besides, as the client stops listening to its signal in the middle of a body.
      answer = await unlessAborted(endpoint.post(path, model, body, either), either)
      refuseErrorIn(answer, asked, at)
      const result = read(answer, (came) => badAnswer(asked, came))
      note('ok')
      return result
    } catch (error) {
      if (signal?.aborted) {
        // The ledger has no word for a caller that left; the endpoint may have worked all the same.
        note('timeout')
        throw signal.reason
      }
      const failure = deadline.signal.aborted
        ? tookTooLong(asked, timeoutMs)
        : failureOf(error, asked, time.now())
      note(failure.reason === 'circuit_open' ? 'unreachable' : failure.reason)
      throw failure
    } finally {
      deadline.clear()
    }
  }

  return {
    host: endpoint.host,
    official: endpoint.official,
    ask: (ask) => gate.run(() => attempt(ask), ask.signal),
  }
}

/** Some gateways (OpenRouter) answer 200 with the error of the provider behind them. */
function refuseErrorIn(answer: unknown, asked: Asked, now: number): void {
  const error = member(answer, 'error')
  if (!error || member(answer, 'choices') || member(answer, 'data')) return
  const code = Number(member(error, 'code') ?? member(error, 'status'))
  if (code >= 400 && code < 600) throw ofStatus(code, { error }, asked, now)
  throw badAnswer(asked, 'an error')
}

function usageOf(answer: unknown): Pick<LedgerEntry, 'tokensIn' | 'tokensOut' | 'tokensCached'> {
  const usage = member(answer, 'usage')
  return {
    tokensIn: tokens(member(usage, 'prompt_tokens')),
    tokensOut: tokens(member(usage, 'completion_tokens')),
    tokensCached: tokens(member(member(usage, 'prompt_tokens_details'), 'cached_tokens')),
  }
}

function tokens(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

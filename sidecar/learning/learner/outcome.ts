import { ModelUnavailable } from '../../ports/language-model.ts'
import { UnreadableDecisions } from '../reconcile/types.ts'
import type { TurnEvent } from './types.ts'

/** Nothing was stored, and the turns stay pending. `reason` is a stable code; `detail` has no text of the turns. */
export interface LearnFailure {
  status: 'later'
  reason: string
  detail: string
  retryAfterMs?: number | undefined
}

export type LearnOutcome = { status: 'learned'; events: TurnEvent[] } | LearnFailure

/** The memories of the scope changed during the model call, so its decisions may be outdated. */
export class StaleDecisions extends Error {}

/** The answer of the model to these turns could not be used. */
export class Unreadable extends Error {
  readonly reason: string

  constructor(reason: string, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** HTTP statuses that a retry of the same request gets again: it is too long or its content is refused. */
const REFUSALS = new Set([400, 413, 422])

/** Whether the endpoint refused the request, as opposed to being unavailable. */
export function isRefusal(error: unknown): error is ModelUnavailable {
  return error instanceof ModelUnavailable && REFUSALS.has(error.status ?? 0)
}

/** The outcome for an expected failure; `undefined` for any other error. */
export function toLater(error: unknown): LearnFailure | undefined {
  if (isRefusal(error)) return { status: 'later', reason: 'request_refused', detail: error.message }
  if (error instanceof ModelUnavailable) {
    const { reason, message, retryAfterMs } = error
    return { status: 'later', reason, detail: message, retryAfterMs }
  }
  if (error instanceof Unreadable) return { status: 'later', reason: error.reason, detail: error.message }
  if (error instanceof UnreadableDecisions) {
    return { status: 'later', reason: 'unreadable_decisions', detail: error.message }
  }
  if (error instanceof StaleDecisions) {
    return { status: 'later', reason: 'overtaken', detail: 'the memories changed during the model call' }
  }
  return undefined
}

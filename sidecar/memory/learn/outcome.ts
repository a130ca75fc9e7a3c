import { ModelUnavailable } from '../../ports/language-model.ts'
import { UnreadableDecisions } from '../reconcile/types.ts'
import type { TurnEvent } from './types.ts'

/** `later`: nothing was stored, and the turns wait on. `reason` is a stable word; `detail` holds no text of theirs. */
export type LearnOutcome =
  | { status: 'learned'; events: TurnEvent[] }
  | { status: 'later'; reason: string; detail: string; retryAfterMs?: number | undefined }

/** The state of a scope moved while the model was thinking; what it decided may be wrong by now. */
export class Overtaken extends Error {}

/** The model answered, and made no sense of these turns. */
export class Unreadable extends Error {
  readonly reason: string

  constructor(reason: string, detail: string) {
    super(detail)
    this.reason = reason
  }
}

/** Statuses that the same request will be answered with again: it is too long, or holds what the endpoint refuses. */
const ABOUT_THE_REQUEST = new Set([400, 413, 422])

/** Whether an endpoint refused what it was sent, rather than being in trouble itself. */
export function isRefusal(error: unknown): error is ModelUnavailable {
  return error instanceof ModelUnavailable && ABOUT_THE_REQUEST.has(error.status ?? 0)
}

/** Why the turns wait, or `undefined` for what nobody foresaw. */
export function toLater(error: unknown): Extract<LearnOutcome, { status: 'later' }> | undefined {
  if (isRefusal(error)) return { status: 'later', reason: 'request_refused', detail: error.message }
  if (error instanceof ModelUnavailable) {
    const { reason, message, retryAfterMs } = error
    return { status: 'later', reason, detail: message, retryAfterMs }
  }
  if (error instanceof Unreadable) return { status: 'later', reason: error.reason, detail: error.message }
  if (error instanceof UnreadableDecisions) {
    return { status: 'later', reason: 'unreadable_decisions', detail: error.message }
  }
  if (error instanceof Overtaken) {
    return { status: 'later', reason: 'overtaken', detail: 'the memories changed meanwhile' }
  }
  return undefined
}

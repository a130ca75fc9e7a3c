import type { JsonObject, Write } from '../ports/records.ts'

/**
 * A turn that waits to be learned from: the payload of a record of the collection `pending`. All scopes stand
 * together, so that a start finds what was left without knowing whose it was.
 */
export interface PendingTurn {
  scope: string
  turn_id: string
  conversation_id: string | null
  turn: number | null
  /** The same for turns that one batch may hold: those of one agent, run and app, and of the same speakers' words. */
  alike?: string | undefined
  /** Of the turn when it was put here. */
  revision: number
  /** o200k tokens of its messages, roughly. */
  tokens: number
  /** Epoch milliseconds at which it was accepted. */
  at: number
  attempts: number
  /** Of the attempts, those in which the model answered and could not be understood. */
  unreadable: number
  /** Why the last attempt came to nothing; a word, never a text of the conversation. */
  error: string | null
  /** Epoch milliseconds before which it is not tried again; `null`: it has failed for good, until it is replayed. */
  not_before: number | null
}

/** No scope of a user is spelt like this: theirs have a slash. */
export const PENDING_SCOPE = 'pending'

export function pendingRecordId(scope: string, turnId: string): string {
  return `${scope}#${turnId}`
}

export function putPending(turn: PendingTurn): Write {
  const put = {
    id: pendingRecordId(turn.scope, turn.turn_id),
    order: turn.at * 1000,
    payload: turn as unknown as JsonObject,
  }
  return { put, collection: 'pending', scope: PENDING_SCOPE }
}

export function removePending(scope: string, turnId: string): Write {
  return { remove: pendingRecordId(scope, turnId), collection: 'pending', scope: PENDING_SCOPE }
}

import type { JsonObject, Write } from '../ports/records.ts'

/** When turns that wait are learned from by themselves. */
export interface Triggers {
  /** Tokens of an app's turns that start a flush. */
  flushTokens: number
  /** Turns of an app that start a flush; 0 for any number. */
  flushTurns: number
  /** Milliseconds without a new turn that start a flush. */
  idleMs: number
  /**
   * Turns before one leaves the chat window at which the turns of its conversation are learned from; 0 for never. With
   * 1 it is when the next turn will not show it any more, with 2 a turn earlier.
   */
  windowAhead: number
}

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
  app_id?: string | null | undefined
  /** What the rules of its app say of when it is learned from, where they say anything. */
  triggers?: Partial<Triggers> | undefined
  /** Of the turn when it was put here. */
  revision: number
  /** o200k tokens of its messages, roughly. */
  tokens: number
  /** Epoch milliseconds at which it was accepted. */
  at: number
  attempts: number
  /** Of the attempts, those in which the model answered and could not be understood. */
  unreadable: number
  /** What started the last attempt. */
  because?: string | undefined
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

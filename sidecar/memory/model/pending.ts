/** Thresholds that start a flush of pending turns. */
export interface Triggers {
  /** Pending tokens of an app. */
  flushTokens: number
  /** Pending turns of an app; 0 disables the trigger. */
  flushTurns: number
  /** Milliseconds without a new turn. */
  idleMs: number
  /**
   * How many turns before a turn leaves the chat window its conversation is flushed; 0 disables the trigger. 1: when
   * the next turn no longer shows it; 2: one turn earlier.
   */
  windowAhead: number
}

/** A turn that waits for extraction: the payload of a record of the collection `pending`, by the id of the turn. */
export interface PendingTurn {
  scope: string
  turn_id: string
  conversation_id: string | null
  turn: number | null
  /** Batch key: equal for turns of one agent, run, app and `remember` setting, which one batch may hold. */
  alike?: string | undefined
  app_id?: string | null | undefined
  /** Thresholds that the rules of the app override. */
  triggers?: Partial<Triggers> | undefined
  /** Revision of the turn when it was queued. */
  revision: number
  /** Estimated o200k tokens of the messages. */
  tokens: number
  /** When the turn was accepted, epoch milliseconds. */
  at: number
  attempts: number
  /** Attempts in which the answer of the model was unreadable. */
  unreadable: number
  /** The trigger of the last attempt. */
  because?: string | undefined
  /** Stable reason code of the last failure; never text of the conversation. */
  error: string | null
  /** Earliest time of the next attempt, epoch milliseconds; `null`: failed for good until it is replayed. */
  not_before: number | null
}

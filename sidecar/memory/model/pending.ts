import { z } from 'zod'
import { id, type Time, text, turnNumber, version } from './fields.ts'

const threshold = z.number().exactOptional()

/** Thresholds that start a flush of pending turns. */
const triggers = z.object({
  /** Pending tokens of an app. */
  flushTokens: threshold,
  /** Pending turns of an app; 0 disables the trigger. */
  flushTurns: threshold,
  /** Milliseconds without a new turn. */
  idleMs: threshold,
  /**
   * How many turns before a turn leaves the chat window its conversation is flushed; 0 disables the trigger. 1: when
   * the next turn no longer shows it; 2: one turn earlier.
   */
  windowAhead: threshold,
})
export type Triggers = Required<z.output<typeof triggers>>

/** A turn that is pending extraction, without its scope: a record of the collection `pending`, by the id of the turn. */
export const pendingFields = <T extends Time>(time: T) => ({
  turn_id: id,
  conversation_id: text,
  turn: turnNumber,
  /** Batch key: equal for turns of one agent, run, app and `remember` setting, which one batch may hold. */
  alike: z.string().optional(),
  app_id: z.string().nullish(),
  /** Thresholds that the rules of the app override. */
  triggers: triggers.optional(),
  /** Revision of the turn when it was queued. */
  revision: version,
  /** Estimated o200k tokens of the messages. */
  tokens: z.number().nonnegative(),
  /** When the turn was accepted. */
  at: time,
  attempts: z.int().nonnegative(),
  /** Attempts in which the answer of the model was unreadable. */
  unreadable: z.int().nonnegative(),
  /** The trigger of the last attempt. */
  because: z.string().optional(),
  /** Stable reason code of the last failure; never text of the conversation. */
  error: text,
  /** The last failure in words, with those of the endpoint. Absent in older records. */
  detail: z.string().nullish(),
  /** Earliest time of the next attempt; `null`: failed for good until it is replayed. */
  not_before: time.nullable(),
})
const storedPending = z.object({ ...pendingFields(z.number()), scope: z.string() })
export type PendingTurn = z.output<typeof storedPending>

import { z } from 'zod'
import { inZone, type LocalTime } from '../../text/local-time.ts'
import { id, jsonObject, role, type Time, text, turnNumber, utcOffset, version } from './fields.ts'
import { derivedId } from './scope.ts'

const messageFields = <T extends Time>(time: T) => ({
  role,
  content: z.string(),
  name: z.string().optional(),
  /** When it was said. */
  at: time.optional(),
  utc_offset: utcOffset,
})
const storedMessage = z.object(messageFields(z.number()))
export type Message = z.output<typeof storedMessage>

/** What the extraction of a turn did to one memory; `version` is the version of the memory afterwards. */
const effect = { event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']), memory_id: id, version }
const storedEffect = z.object(effect)
export type Effect = z.output<typeof storedEffect>

/** A record of the collection `turns`. */
export const turnFields = <T extends Time>(time: T) => ({
  id,
  conversation_id: text,
  turn: turnNumber,
  agent_id: text,
  run_id: text,
  app_id: text,
  metadata: jsonObject,
  messages: z.array(z.looseObject(messageFields(time))),
  /** Time zone of messages without an offset, by the rules of the app at that time; absent for UTC. */
  time_zone: z.string().optional(),
  remember: z.enum(['user', 'assistant', 'both']),
  /**
   * `pending`: accepted and durable; its text is recalled verbatim until extraction. `failed`: extraction failed for
   * good; kept until it is replayed. `done`: extracted, kept verbatim or dropped.
   */
  state: z.enum(['pending', 'failed', 'done']),
  /** Id of an entry of the former intake log; only read, to import that log once. */
  logged: z.string().optional(),
  /** Counts the posts of the turn. An extraction of an older revision is discarded. */
  revision: version,
  /** Memories that have this turn as a source. */
  memory_ids: z.array(id),
  /** Deleted memories of this turn: posting the turn again does not restore them. */
  removed_ids: z.array(id),
  /** Ordinals of messages whose memories were deleted: they are no context of later messages. */
  unsaid: z.array(z.number()).optional(),
  /** The flush trigger and the time of the extraction; absent before it. */
  learned: z.looseObject({ because: text, at: time }).optional(),
  /** When the turn was dropped without extraction. */
  dropped_at: time.optional(),
  /** Further turns with the same number, in order; absent for none. */
  twins: z.array(id).optional(),
  /** What the extraction did, in order; empty for a turn that is kept verbatim. */
  effects: z.array(z.looseObject(effect)),
  created_at: time,
  updated_at: time,
})
const storedTurn = z.object({
  ...turnFields(z.number()),
  messages: z.array(storedMessage),
  effects: z.array(storedEffect),
  learned: z.object({ because: text, at: z.number() }).optional(),
})
export type Turn = z.output<typeof storedTurn>
export type Remember = Turn['remember']

/** A record of the collection `conversations`. */
export const conversationFields = {
  id,
  last_turn: z.int().nonnegative(),
  /** Rolling summary of the extracted turns; `''` for none. */
  summary: z.string(),
}
const storedConversation = z.object(conversationFields)
export type Conversation = z.output<typeof storedConversation>

export function conversationRecordId(conversationId: string): string {
  return derivedId('conversation', conversationId)
}

/** The number below every turn: Dify counts turns from 1, before version 1.9 from 0. */
export const NO_TURN = -1

export function turnRecordId(conversationId: string, turn: number): string {
  return derivedId('turn', conversationId, String(turn))
}

/** Identifies a call without a turn number by its idempotency key. */
export function callRecordId(conversationId: string | null, idempotencyKey: string): string {
  return derivedId('call', conversationId ?? '', idempotencyKey)
}

/** When a message of a turn was said, with the offset of the message or of the turn's time zone. */
export function saidAt(
  { at, utc_offset }: Message,
  turn: Pick<Turn, 'time_zone'> & { created_at: number },
): LocalTime {
  return inZone(
    { at: at ?? turn.created_at, ...(utc_offset === undefined ? {} : { utc_offset }) },
    turn.time_zone,
  )
}

export function tokensOf(messages: readonly Message[], countTokens: (text: string) => number): number {
  return messages.reduce((sum, { content }) => sum + countTokens(content), 0)
}

/** A change of one memory. */
export interface MemoryEvent {
  /** `NOOP`: the memory existed and got one more source. */
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  id: string
  memory: string
  /** The text before an `UPDATE`. */
  previous?: string | undefined
}

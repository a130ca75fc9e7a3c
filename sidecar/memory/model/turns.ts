import type { JsonObject } from '../../ports/records.ts'
import type { Role } from './memory.ts'
import { derivedId } from './scope.ts'

export interface Message {
  role: Role
  content: string
  name?: string | undefined
  /** When it was said, epoch milliseconds. */
  at?: number | undefined
}

export type Remember = 'user' | 'assistant' | 'both'

/**
 * `pending`: accepted and durable; its text is recalled verbatim until extraction. `failed`: extraction failed for
 * good; kept until it is replayed. `done`: extracted, kept verbatim or dropped.
 */
export type TurnState = 'pending' | 'failed' | 'done'

/** What the extraction of a turn did to one memory; `version` is the version of the memory afterwards. */
export interface Effect {
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  memory_id: string
  version: number
}

/** A turn as it is stored: the payload of a record of the collection `turns`. */
export interface Turn {
  id: string
  conversation_id: string | null
  turn: number | null
  agent_id: string | null
  run_id: string | null
  app_id: string | null
  metadata: JsonObject
  messages: Message[]
  remember: Remember
  state: TurnState
  /** Id of an entry of the former intake log; only read, to import that log once. */
  logged?: string | undefined
  /** Counts the posts of the turn. An extraction of an older revision is discarded. */
  revision: number
  /** Memories that have this turn as a source. */
  memory_ids: string[]
  /** Deleted memories of this turn: posting the turn again does not restore them. */
  removed_ids: string[]
  /** Ordinals of messages whose memories were deleted: they are no context of later messages. */
  unsaid?: readonly number[] | undefined
  /** The flush trigger and the time of the extraction, epoch milliseconds; absent before it. */
  learned?: { because: string | null; at: number } | undefined
  /** When the turn was dropped without extraction, epoch milliseconds. */
  dropped_at?: number | undefined
  /** What the extraction did, in order; empty for a turn that is kept verbatim. */
  effects: Effect[]
  created_at: number
  updated_at: number
}

/** The payload of a record of the collection `conversations`. */
export interface Conversation {
  id: string
  last_turn: number
  /** Rolling summary of the extracted turns; `''` for none. */
  summary: string
}

export function conversationRecordId(conversationId: string): string {
  return derivedId('conversation', conversationId)
}

export function turnRecordId(conversationId: string, turn: number): string {
  return derivedId('turn', conversationId, String(turn))
}

/** Identifies a call without a turn number by its idempotency key. */
export function callRecordId(conversationId: string | null, idempotencyKey: string): string {
  return derivedId('call', conversationId ?? '', idempotencyKey)
}

export function tokensOf(messages: readonly Message[], countTokens: (text: string) => number): number {
  return messages.reduce((sum, { content }) => sum + countTokens(content), 0)
}

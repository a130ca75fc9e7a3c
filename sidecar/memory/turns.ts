import type { JsonObject, RecordStore } from '../ports/records.ts'
import { derivedId } from '../scope.ts'
import type { Role } from './memory.ts'

export interface Message {
  role: Role
  content: string
  name?: string | undefined
  /** When it was said, epoch milliseconds. */
  at?: number | undefined
}

export type Remember = 'user' | 'assistant' | 'both'

/** A turn as it is stored: the payload of a record of the collection `turns`, kept so that it can be read anew. */
export interface Turn {
  id: string
  conversation_id: string | null
  turn: number | null
  messages: Message[]
  remember: Remember
  /** Memories that this turn is a source of. */
  memory_ids: string[]
  /** Memories of this turn that somebody deleted: posting the turn again does not bring them back. */
  removed_ids: string[]
  created_at: number
  updated_at: number
}

/** What is known of a conversation: the payload of a record of the collection `conversations`. */
export interface Conversation {
  last_turn: number
}

export function conversationRecordId(conversationId: string): string {
  return derivedId('conversation', conversationId)
}

export function turnRecordId(conversationId: string, turn: number): string {
  return derivedId('turn', conversationId, String(turn))
}

/** A call that named no turn: the same idempotency key finds the turn that it was given the first time. */
export function callRecordId(conversationId: string | null, idempotencyKey: string): string {
  return derivedId('call', conversationId ?? '', idempotencyKey)
}

export async function readTurn(store: RecordStore, scope: string, id: string): Promise<Turn | undefined> {
  const record = await store.get('turns', scope, id)
  return record && (record.payload as unknown as Turn)
}

export function toPayload(value: object): JsonObject {
  return value as unknown as JsonObject
}

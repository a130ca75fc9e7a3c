import type { JsonObject, RecordStore, Write } from '../ports/records.ts'
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

/**
 * `pending`: accepted and durable, its words are recalled as they were said, and it waits to be learned from.
 * `failed`: tried too often; kept, and tried again when somebody asks for it. `done`: its memories are there.
 */
export type TurnState = 'pending' | 'failed' | 'done'

/** What learning from a turn did to one memory; `version` is that of the memory afterwards. */
export interface Effect {
  event: 'ADD' | 'UPDATE' | 'DELETE' | 'NOOP'
  memory_id: string
  version: number
}

/** A turn as it is stored: the payload of a record of the collection `turns`, kept so that it can be read anew. */
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
  /** Counts how often the turn was posted: what was learned from an older one must not be stored. */
  revision: number
  /** Memories that this turn is a source of. */
  memory_ids: string[]
  /** Memories of this turn that somebody deleted: posting the turn again does not bring them back. */
  removed_ids: string[]
  /** Places of messages that said a memory that somebody deleted: they are no context of what is said next. */
  unsaid?: readonly number[] | undefined
  /** What had it learned from and when, epoch milliseconds; absent for one that was not. */
  learned?: { because: string | null; at: number } | undefined
  /** When it was given up, words and all, epoch milliseconds. */
  dropped_at?: number | undefined
  /** What learning from it did, in order; empty for a turn that was kept verbatim. */
  effects: Effect[]
  created_at: number
  updated_at: number
}

/** What is known of a conversation: the payload of a record of the collection `conversations`. */
export interface Conversation {
  id: string
  last_turn: number
  /** Rolling summary of the turns that have been learned from; `''` for none. */
  summary: string
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

export async function readConversation(
  store: RecordStore,
  scope: string,
  conversationId: string,
): Promise<Conversation | undefined> {
  const record = await store.get('conversations', scope, conversationRecordId(conversationId))
  return record && (record.payload as unknown as Conversation)
}

export async function readTurn(store: RecordStore, scope: string, id: string): Promise<Turn | undefined> {
  const record = await store.get('turns', scope, id)
  return record && (record.payload as unknown as Turn)
}

export function putTurn(scope: string, turn: Turn): Write {
  const put = { id: turn.id, order: turn.created_at * 1000, payload: toPayload(turn) }
  return { put, collection: 'turns', scope }
}

export function putConversation(scope: string, conversation: Conversation, now: number): Write {
  const id = conversationRecordId(conversation.id)
  return {
    put: { id, order: now * 1000, payload: toPayload(conversation) },
    collection: 'conversations',
    scope,
  }
}

export function toPayload(value: object): JsonObject {
  return value as unknown as JsonObject
}

export function tokensOf(messages: readonly Message[], countTokens: (text: string) => number): number {
  return messages.reduce((sum, { content }) => sum + countTokens(content), 0)
}

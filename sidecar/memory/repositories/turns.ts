import { z } from 'zod'
import type { Position, RecordStore, Write } from '../../ports/records.ts'
import {
  type Conversation,
  callRecordId,
  conversationFields,
  conversationRecordId,
  type Turn,
  turnFields,
} from '../model/turns.ts'
import { recordsOf } from './record.ts'

const turns = recordsOf('turns', z.looseObject(turnFields(z.number())), (turn): Turn => turn)

export const { get: getTurn, scroll: scrollTurns } = turns

export function putTurn(scope: string, turn: Turn): Write {
  return turns.put(scope, turn.id, turn.created_at * 1000, turn)
}

const conversations = recordsOf('conversations', z.looseObject(conversationFields))
const calls = recordsOf('calls', z.looseObject({ turn: z.number() }))

export async function getConversation(
  store: RecordStore,
  scope: string,
  conversationId: string,
): Promise<Conversation | undefined> {
  return await conversations.get(store, scope, conversationRecordId(conversationId))
}

/** A page of the conversations of a user, latest change first. `updatedAt` is in epoch milliseconds. */
export async function listConversations(
  store: RecordStore,
  scope: string,
  page: { limit: number; after?: Position | undefined },
): Promise<{ conversations: (Conversation & { updatedAt: number })[]; next: Position | null }> {
  const found = await store.scroll('conversations', scope, { ...page, direction: 'descending' })
  const last = found.at(-1)
  return {
    conversations: found.map((record) => ({
      ...conversations.read(record),
      updatedAt: Math.floor(record.order / 1000),
    })),
    next: last && found.length === page.limit ? { order: last.order, id: last.id } : null,
  }
}

export function putConversation(scope: string, conversation: Conversation, now: number): Write {
  return conversations.put(scope, conversationRecordId(conversation.id), now * 1000, conversation)
}

/** The turn number that a call without one got the first time. */
export async function getCallTurn(
  store: RecordStore,
  scope: string,
  conversationId: string,
  idempotencyKey: string,
): Promise<number | undefined> {
  return (await calls.get(store, scope, callRecordId(conversationId, idempotencyKey)))?.turn
}

export function putCallTurn(
  scope: string,
  conversationId: string,
  idempotencyKey: string,
  turn: number,
  now: number,
): Write {
  return calls.put(scope, callRecordId(conversationId, idempotencyKey), now * 1000, { turn })
}

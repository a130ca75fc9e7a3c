import { z } from 'zod'
import type { RecordStore, Write } from '../../ports/records.ts'
import { type Conversation, callRecordId, conversationFields, conversationRecordId } from '../model/turns.ts'
import { recordsOf } from './record.ts'

const conversations = recordsOf('conversations', z.looseObject(conversationFields))
const calls = recordsOf('calls', z.looseObject({ turn: z.number() }))

export async function getConversation(
  store: RecordStore,
  scope: string,
  conversationId: string,
): Promise<Conversation | undefined> {
  return await conversations.get(store, scope, conversationRecordId(conversationId))
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

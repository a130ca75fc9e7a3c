import { z } from 'zod'
import type { RecordStore, Write } from '../../ports/records.ts'
import { type Conversation, callRecordId, conversationRecordId } from '../model/turns.ts'
import { getRecord, recordReader, toPayload } from './record.ts'

const readConversation = recordReader<Conversation>(
  'conversations',
  z.looseObject({ id: z.string(), last_turn: z.number(), summary: z.string() }),
)

export async function getConversation(
  store: RecordStore,
  scope: string,
  conversationId: string,
): Promise<Conversation | undefined> {
  const id = conversationRecordId(conversationId)
  return await getRecord(store, 'conversations', scope, id, readConversation)
}

export function putConversation(scope: string, conversation: Conversation, now: number): Write {
  const put = {
    id: conversationRecordId(conversation.id),
    order: now * 1000,
    payload: toPayload(conversation),
  }
  return { put, collection: 'conversations', scope }
}

const readCall = recordReader<{ turn: number }>('calls', z.looseObject({ turn: z.number() }))

/** The turn number that a call without one got the first time. */
export async function getCallTurn(
  store: RecordStore,
  scope: string,
  conversationId: string,
  idempotencyKey: string,
): Promise<number | undefined> {
  const id = callRecordId(conversationId, idempotencyKey)
  return (await getRecord(store, 'calls', scope, id, readCall))?.turn
}

export function putCallTurn(
  scope: string,
  conversationId: string,
  idempotencyKey: string,
  turn: number,
  now: number,
): Write {
  const id = callRecordId(conversationId, idempotencyKey)
  return { put: { id, order: now * 1000, payload: { turn } }, collection: 'calls', scope }
}

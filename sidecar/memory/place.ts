import { randomUUID } from 'node:crypto'
import type { RecordStore, Write } from '../ports/records.ts'
import { getCallTurn, getConversation, putCallTurn, putConversation } from './repositories/conversations.ts'
import { callRecordId, turnRecordId } from './turns.ts'

/** The turn that a call refers to. */
export interface Place {
  id: string
  turn: number | null
  /** Whether a later turn of the conversation is stored. */
  isOvertaken: boolean
  /** Writes that reserve the number for the next calls. */
  writes: Write[]
}

export interface Call {
  conversationId?: string | undefined
  turn?: number | undefined
  idempotencyKey?: string | undefined
  turnId?: string | undefined
}

/** The identifier of the turn where it does not depend on the store; random for a call that names nothing. */
export function idOfCall({ conversationId, turn, idempotencyKey, turnId }: Call): string | undefined {
  if (turnId !== undefined) return turnId
  if (conversationId !== undefined) return turn === undefined ? undefined : turnRecordId(conversationId, turn)
  return idempotencyKey === undefined ? randomUUID() : callRecordId(null, idempotencyKey)
}

/**
 * Finds the turn of a call: by its identifier, else by its number, else by the number that its idempotency key got
 * first, else the next number of the conversation. The caller holds the lock of the scope.
 */
export async function placeTurn(store: RecordStore, scope: string, call: Call, now: number): Promise<Place> {
  const { conversationId, idempotencyKey } = call
  if (call.turnId !== undefined || conversationId === undefined) {
    const turn = call.turnId === undefined ? null : (call.turn ?? null)
    return { id: idOfCall(call) as string, turn, isOvertaken: false, writes: [] }
  }
  const conversation = await getConversation(store, scope, conversationId)
  const last = conversation?.last_turn ?? 0
  const writes: Write[] = []
  let turn = call.turn
  if (turn === undefined && idempotencyKey !== undefined) {
    turn = (await getCallTurn(store, scope, conversationId, idempotencyKey)) ?? last + 1
    writes.push(putCallTurn(scope, conversationId, idempotencyKey, turn, now))
  }
  turn ??= last + 1
  if (turn > last) {
    const next = { id: conversationId, last_turn: turn, summary: conversation?.summary ?? '' }
    writes.push(putConversation(scope, next, now))
  }
  return { id: turnRecordId(conversationId, turn), turn, isOvertaken: last > turn, writes }
}

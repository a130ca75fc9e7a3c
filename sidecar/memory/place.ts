import { randomUUID } from 'node:crypto'
import type { RecordStore, Write } from '../ports/records.ts'
import { callRecordId, putConversation, readConversation, turnRecordId } from './turns.ts'

/** Which turn a call is. */
export interface Place {
  id: string
  turn: number | null
  /** Whether a later turn of its conversation is stored. */
  isOvertaken: boolean
  /** What must be written with the turn, so that the next call knows. */
  writes: Write[]
}

export interface Call {
  conversationId?: string | undefined
  turn?: number | undefined
  idempotencyKey?: string | undefined
  turnId?: string | undefined
}

/** The identifier of a turn where it depends on nothing that is stored; a new one for a turn that is told by nothing. */
export function idOfCall({ conversationId, turn, idempotencyKey, turnId }: Call): string | undefined {
  if (turnId !== undefined) return turnId
  if (conversationId !== undefined) return turn === undefined ? undefined : turnRecordId(conversationId, turn)
  return idempotencyKey === undefined ? randomUUID() : callRecordId(null, idempotencyKey)
}

/**
 * Finds the turn of a call: by its identifier, for one that is stored; by its number; else by its idempotency key,
 * which stands for the number that the key was given the first time; else it is the next of its conversation. The
 * caller holds the lock of the scope.
 */
export async function placeTurn(store: RecordStore, scope: string, call: Call, now: number): Promise<Place> {
  const { conversationId, idempotencyKey } = call
  if (call.turnId !== undefined) {
    return { id: call.turnId, turn: call.turn ?? null, isOvertaken: false, writes: [] }
  }
  if (conversationId === undefined) {
    return { id: idOfCall(call) as string, turn: null, isOvertaken: false, writes: [] }
  }
  const conversation = await readConversation(store, scope, conversationId)
  const last = conversation?.last_turn ?? 0
  const writes: Write[] = []
  let turn = call.turn
  if (turn === undefined && idempotencyKey !== undefined) {
    const callId = callRecordId(conversationId, idempotencyKey)
    const known = await store.get('calls', scope, callId)
    turn = known ? (known.payload['turn'] as number) : last + 1
    writes.push({ put: { id: callId, order: now * 1000, payload: { turn } }, collection: 'calls', scope })
  }
  turn ??= last + 1
  if (turn > last) {
    const next = { id: conversationId, last_turn: turn, summary: conversation?.summary ?? '' }
    writes.push(putConversation(scope, next, now))
  }
  return { id: turnRecordId(conversationId, turn), turn, isOvertaken: last > turn, writes }
}

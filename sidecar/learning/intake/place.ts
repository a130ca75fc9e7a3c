import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Narrowing } from '../../memory/model/scope.ts'
import { callRecordId, NO_TURN, turnRecordId } from '../../memory/model/turns.ts'
import {
  getCallTurn,
  getConversation,
  putCallTurn,
  putConversation,
} from '../../memory/repositories/turns.ts'
import type { RecordStore, Write } from '../../ports/records.ts'
import { boundedTo } from '../../text/lru.ts'

/** The turn that a call refers to. */
export interface Place {
  id: string
  turn: number | null
  /** Whether no turn is stored under the id. */
  isNew: boolean
  /** By how much the last turn of the conversation is later. */
  laterTurns: number
  /** Writes that reserve the number for the next calls. */
  writes: Write[]
}

export interface Call extends Pick<Narrowing, 'conversationId'> {
  turn?: number | undefined
  /** Calls with the same key are one call: without a turn number they get the same number. */
  idempotencyKey?: string | undefined
  /** Identifies a stored turn; given together with its conversation and number, if it has them. */
  turnId?: string | undefined
}

const MAX_CONVERSATIONS = 10_000

/** The last turn by conversation, as this process knows it. */
const lastTurns = new LRUCache<string, number>(boundedTo(MAX_CONVERSATIONS))

const keyOf = (scope: string, conversationId: string) => JSON.stringify([scope, conversationId])

/** The last turn of a conversation, which may be wrong: to read records ahead. */
export function guessLastTurn(scope: string, conversationId: string): number {
  return lastTurns.get(keyOf(scope, conversationId)) ?? 0
}

/**
 * Finds the turn of a call: by its id, else by its number, else by the number that its idempotency key got first, else
 * the next number of the conversation. The caller holds the lock of the scope.
 */
export async function placeTurn(store: RecordStore, scope: string, call: Call, now: number): Promise<Place> {
  const { conversationId, idempotencyKey, turnId } = call
  if (turnId !== undefined)
    return { id: turnId, turn: call.turn ?? null, isNew: false, laterTurns: 0, writes: [] }
  if (conversationId === undefined) {
    const id = idempotencyKey === undefined ? randomUUID() : callRecordId(null, idempotencyKey)
    return { id, turn: null, isNew: idempotencyKey === undefined, laterTurns: 0, writes: [] }
  }
  const conversation = await getConversation(store, scope, conversationId)
  const last = conversation?.last_turn ?? NO_TURN
  const next = Math.max(last, 0) + 1
  const writes: Write[] = []
  let turn = call.turn
  if (turn === undefined && idempotencyKey !== undefined) {
    turn = (await getCallTurn(store, scope, conversationId, idempotencyKey)) ?? next
    writes.push(putCallTurn(scope, conversationId, idempotencyKey, turn, now))
  }
  turn ??= next
  if (turn > last) {
    const updated = { id: conversationId, last_turn: turn, summary: conversation?.summary ?? '' }
    writes.push(putConversation(scope, updated, now))
  }
  const id = turnRecordId(conversationId, turn)
  lastTurns.set(keyOf(scope, conversationId), Math.max(last, turn))
  return { id, turn, isNew: turn > last, laterTurns: Math.max(0, last - turn), writes }
}

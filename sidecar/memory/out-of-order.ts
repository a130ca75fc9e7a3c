import type { RecordStore } from '../ports/records.ts'
import { readConversation, readTurn } from './turns.ts'

/**
 * Whether a turn that has just been stored was stored before, or after a later one of its conversation. What was put
 * together from the memories counts on knowing every turn below the latest one that it knows; such a turn breaks that.
 * The caller holds the lock of the scope.
 */
export async function isOutOfOrder(
  store: RecordStore,
  scope: string,
  conversationId: string | undefined,
  { turn, turnId }: { turn: number | null; turnId: string },
): Promise<boolean> {
  if (turn === null || conversationId === undefined) return false
  const conversation = await readConversation(store, scope, conversationId)
  if (conversation !== undefined && conversation.last_turn > turn) return true
  return ((await readTurn(store, scope, turnId))?.revision ?? 1) > 1
}

import { type Conversation, type Message, saidAt, type Turn, turnRecordId } from '../../memory/model/turns.ts'
import { getConversation, getTurn } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ExtractMessage, ExtractTurn } from '../extraction/types.ts'

/** Messages before the batch, or its previous part, that the model gets as context (m in arXiv 2504.19413). */
export const RECENT_MESSAGES = 10

/** Pending turns of one conversation, or one turn without a conversation, with their context. */
export interface Batch {
  turns: Turn[]
  conversation: Conversation | undefined
  recent: ExtractMessage[]
}

/** Reads the turns that are still pending. */
export async function readBatch(
  store: RecordStore,
  scope: string,
  turnIds: readonly string[],
): Promise<Batch> {
  const turns: Turn[] = []
  for (const id of turnIds) {
    const turn = await getTurn(store, scope, id)
    if (turn && turn.state !== 'done') turns.push(turn)
  }
  turns.sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0) || a.created_at - b.created_at)
  const conversationId = turns[0]?.conversation_id ?? null
  const conversation =
    conversationId === null ? undefined : await getConversation(store, scope, conversationId)
  return { turns, conversation, recent: await recentOf(store, scope, turns[0]) }
}

export function toExtractTurn(turn: Turn): ExtractTurn {
  const messages = turn.messages.map((one) => toExtractMessage(one, turn))
  return { turnId: turn.id, turn: turn.turn, messages }
}

async function recentOf(
  store: RecordStore,
  scope: string,
  first: Turn | undefined,
): Promise<ExtractMessage[]> {
  if (!first || first.conversation_id === null || first.turn === null) return []
  const recent: ExtractMessage[] = []
  // Messages before a gap in the numbering are no context.
  for (let turn = first.turn - 1; turn >= 0 && recent.length < RECENT_MESSAGES; turn--) {
    const before = await getTurn(store, scope, turnRecordId(first.conversation_id, turn))
    if (!before) break
    recent.unshift(...before.messages.map((one) => toExtractMessage(one, before)))
  }
  return recent.slice(-RECENT_MESSAGES)
}

function toExtractMessage(message: Message, turn: Turn): ExtractMessage {
  return { ...message, ...saidAt(message, turn) }
}

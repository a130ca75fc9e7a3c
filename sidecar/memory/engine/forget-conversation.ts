import { type RecordStore, scrollAll, type Write } from '../../ports/records.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import { toContext } from '../../text/verbatim/message-text.ts'
import { conversationRecordId, type Turn } from '../model/turns.ts'
import type { Held } from '../repositories/memories.ts'
import { removePending } from '../repositories/pending.ts'
import { scrollTurns } from '../repositories/turns.ts'
import { undoExtraction, undoVerbatim } from './undo.ts'
import type { UnitOfWork } from './unit-of-work.ts'

export interface ForgottenConversation {
  turns: number
  memories: number
}

/** Writes per commit. */
const BATCH = 500

/**
 * Erases the turns of a conversation with the memories, versions and history that no other conversation states. The turns
 * are erased last: after an interruption, the next call finds them and finishes.
 */
export async function forgetConversation(
  records: RecordStore,
  scope: string,
  conversationId: string,
  change: <T>(task: (unit: UnitOfWork) => Promise<T>) => Promise<T>,
): Promise<ForgottenConversation> {
  const turns: Turn[] = []
  for await (const turn of scrollTurns(records, scope))
    if (turn.conversation_id === conversationId) turns.push(turn)
  const contexts = new Set(turns.flatMap(({ messages }) => messages.map(({ content }) => toContext(content))))
  const erased = new Set<string>()
  // Newest first, so that a corrected fact is taken back in the order of its versions.
  for (const turn of turns.toReversed()) {
    for (const id of await change((unit) => takeBackTurn(unit, turn, contexts))) erased.add(id)
  }
  const writes: Write[] = []
  for (const collection of ['versions', 'history'] as const) {
    for await (const { id, payload } of scrollAll(records, collection, scope, {
      limit: BATCH,
      withVectors: false,
    })) {
      const { memory, memory_id } = payload as { memory?: { id: string }; memory_id?: string }
      if (erased.has(memory?.id ?? memory_id ?? '')) writes.push({ remove: id, collection, scope })
    }
  }
  const ids = new Set(turns.map(({ id }) => id))
  for await (const { id, payload } of scrollAll(records, 'graph', scope, { limit: BATCH })) {
    const sources = payload['turn_ids'] as string[]
    if (sources.every((source) => ids.has(source))) writes.push({ remove: id, collection: 'graph', scope })
  }
  for (const id of ids) writes.push({ remove: id, collection: 'turns', scope }, removePending(scope, id))
  writes.push({ remove: conversationRecordId(conversationId), collection: 'conversations', scope })
  for (let at = 0; at < writes.length; at += BATCH) {
    await change(async (unit) => {
      unit.requireFence()
      unit.addWrites(...writes.slice(at, at + BATCH))
    })
  }
  return { turns: turns.length, memories: erased.size }
}

/** A memory that another conversation states too may have a message of this one as its context. */
function withoutContext(unit: UnitOfWork, { memory, dense }: Held): void {
  const bare = { ...memory, context: null }
  unit.put(bare, searchedText(bare) === searchedText(memory) ? dense : undefined)
}

/** Returns the memories of the turn that nothing else states. */
async function takeBackTurn(unit: UnitOfWork, turn: Turn, contexts: ReadonlySet<string>): Promise<string[]> {
  unit.requireFence()
  await undoExtraction(unit, turn)
  const ids = [...new Set([...turn.memory_ids, ...turn.effects.map(({ memory_id }) => memory_id)])]
  const extracted = new Set(turn.effects.map(({ memory_id }) => memory_id))
  const erased: string[] = []
  for (const id of ids) {
    if ((await unit.find(id))?.memory.kind === 'pending') unit.erase(id)
    else if (!extracted.has(id)) await undoVerbatim(unit, turn, id)
    const kept = await unit.find(id)
    if (!kept) erased.push(id)
    else if (contexts.has(kept.memory.context ?? '')) withoutContext(unit, kept)
  }
  return erased
}

import { isContextOf, withoutText } from '../../text/message-text.ts'
import { type Memory, memoryIdOf } from '../model/memory.ts'
import { type Turn, turnRecordId } from '../model/turns.ts'
import { getTurn, putTurn } from '../repositories/turns.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/** Prevents source turns from creating a deleted memory again, and erases it from the context of other memories. */
export async function eraseDerivedData(unit: UnitOfWork, memory: Memory): Promise<void> {
  for (const turnId of new Set(memory.sources.map((source) => source.turn_id))) {
    const turn = await getTurn(unit.records, unit.scope, turnId)
    if (!turn) continue
    const ordinals = new Set(
      memory.sources.filter(({ turn_id }) => turn_id === turnId).map(({ ordinal }) => ordinal),
    )
    const contents = [...ordinals].map((ordinal) => turn.messages[ordinal]?.content)
    for (const { memory_ids } of [turn, await nextTurn(unit, turn)].filter((one) => one !== undefined)) {
      for (const id of memory_ids) await eraseContext(unit, id, contents, memory.text)
    }
    unit.addWrites(putTurn(unit.scope, withoutMemory(turn, memory, ordinals, unit.scope)))
  }
}

async function nextTurn(unit: UnitOfWork, { conversation_id, turn }: Turn): Promise<Turn | undefined> {
  if (conversation_id === null || turn === null) return undefined
  return await getTurn(unit.records, unit.scope, turnRecordId(conversation_id, turn + 1))
}

async function eraseContext(
  unit: UnitOfWork,
  id: string,
  contents: readonly (string | undefined)[],
  text: string,
): Promise<void> {
  const held = await unit.find(id)
  const context = held?.memory.context
  if (!held || !context) return
  if (contents.some((content) => isContextOf(context, content, text))) {
    unit.put({ ...held.memory, context: null }, held.dense)
  }
}

function withoutMemory(turn: Turn, memory: Memory, ordinals: ReadonlySet<number>, scope: string): Turn {
  const isPending = memory.kind === 'pending'
  // A corrected memory would get another id from its current text.
  const restatedId = memoryIdOf(scope, memory)
  return {
    ...turn,
    // Extraction would otherwise learn the deleted text in other words.
    messages: isPending
      ? turn.messages.map((one, i) =>
          ordinals.has(i) ? { ...one, content: withoutText(one.content, memory.text) } : one,
        )
      : turn.messages,
    revision: isPending ? turn.revision + 1 : turn.revision,
    memory_ids: turn.memory_ids.filter((one) => one !== memory.id),
    removed_ids: [...new Set([...turn.removed_ids, memory.id, restatedId])],
    unsaid: [...new Set([...(turn.unsaid ?? []), ...ordinals])],
  }
}

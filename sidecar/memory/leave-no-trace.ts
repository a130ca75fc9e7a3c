import type { RecordStore } from '../ports/records.ts'
import { isContextOf, withoutText } from './candidates.ts'
import type { Memory } from './memory.ts'
import { memoryId } from './model/identity.ts'
import { putTurn, readTurn, type Turn, turnRecordId } from './turns.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/**
 * Sees to it that a memory that somebody deletes neither comes back through the turns that it came from, nor is found
 * by what it stood beside: what was said next has it as its context.
 */
export async function leaveNoTrace(unit: UnitOfWork, store: RecordStore, memory: Memory): Promise<void> {
  for (const turnId of new Set(memory.sources.map((source) => source.turn_id))) {
    const turn = await readTurn(store, unit.scope, turnId)
    if (!turn) continue
    const ordinals = new Set(
      memory.sources.filter(({ turn_id }) => turn_id === turnId).map(({ ordinal }) => ordinal),
    )
    const said = [...ordinals].map((ordinal) => turn.messages[ordinal]?.content)
    for (const near of [turn, await nextOf(turn, unit, store)]) {
      for (const id of near?.memory_ids ?? []) await blankContext(unit, id, said, memory.text)
    }
    unit.also(putTurn(unit.scope, without(turn, memory, ordinals, unit.scope)))
  }
}

async function nextOf(turn: Turn, unit: UnitOfWork, store: RecordStore): Promise<Turn | undefined> {
  if (turn.conversation_id === null || turn.turn === null) return undefined
  return await readTurn(store, unit.scope, turnRecordId(turn.conversation_id, turn.turn + 1))
}

async function blankContext(
  unit: UnitOfWork,
  id: string,
  said: readonly (string | undefined)[],
  text: string,
): Promise<void> {
  const held = await unit.find(id)
  const context = held?.memory.context
  if (!held || !context) return
  if (said.some((content) => isContextOf(context, content, text))) {
    unit.put({ ...held.memory, context: null }, held.dense)
  }
}

/** A turn that does not bring a deleted memory back: not by being posted again, and not by being learned from. */
function without(turn: Turn, memory: Memory, ordinals: ReadonlySet<number>, scope: string): Turn {
  const waits = memory.kind === 'pending'
  return {
    ...turn,
    // What is learned from the words that somebody deleted would be the deleted memory in other words.
    messages: waits
      ? turn.messages.map((one, i) =>
          ordinals.has(i) ? { ...one, content: withoutText(one.content, memory.text) } : one,
        )
      : turn.messages,
    revision: waits ? turn.revision + 1 : turn.revision,
    memory_ids: turn.memory_ids.filter((one) => one !== memory.id),
    // The second is how it would be known if it were said, or learned, in the words that it has now.
    removed_ids: [...new Set([...turn.removed_ids, memory.id, memoryId(scope, memory)])],
    unsaid: [...new Set([...(turn.unsaid ?? []), ...ordinals])],
  }
}

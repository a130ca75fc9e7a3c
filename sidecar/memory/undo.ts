import type { RecordStore } from '../ports/records.ts'
import type { Cause, PastVersion } from './history.ts'
import { versionRecordId } from './history.ts'
import type { Memory } from './memory.ts'
import type { Effect, Turn } from './turns.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/**
 * Takes back what learning from a turn did, newest first, because the turn has been replaced: an answer was
 * regenerated. What others have said or corrected since stays as it is. The versions that the turn made are kept in
 * history, as versions that never held.
 */
export async function undoTurn(unit: UnitOfWork, store: RecordStore, turn: Turn): Promise<void> {
  const cause: Cause = { actor: 'extraction', reason: 'the turn was replaced', turn }
  for (const effect of turn.effects.toReversed()) await undoEffect(unit, store, turn, effect, cause)
}

async function undoEffect(
  unit: UnitOfWork,
  store: RecordStore,
  turn: Turn,
  { event, memory_id, version }: Effect,
  cause: Cause,
): Promise<void> {
  const held = await unit.find(memory_id)
  if (event === 'DELETE') {
    const ended = held ? undefined : await unit.findEnded(memory_id)
    if (ended?.memory.version === version) await unit.add(ended.memory, cause)
    return
  }
  if (!held) return
  const { memory } = held
  const left = withoutTurn(memory, turn.id)
  const untouched = memory.version === version
  if (event === 'UPDATE' && untouched) {
    const before = await readVersion(store, unit.scope, memory_id, version - 1)
    if (before) {
      const { text, topic, sub_topic, importance, event_date, expires_at, sources, valid_from } = before
      await unit.revise(
        memory_id,
        { text, topic, sub_topic, importance, event_date, expires_at, sources, valid_from },
        cause,
        { event: 'RESTORE', validUntil: memory.valid_from },
      )
    }
  } else if (left.length === 0 && untouched) {
    await unit.end(memory_id, memory.valid_from, cause)
  } else if (left.length > 0 && left.length < memory.sources.length) {
    unit.put({ ...memory, sources: left, updated_at: unit.now }, held.dense)
  }
}

function withoutTurn(memory: Memory, turnId: string) {
  return memory.sources.filter((source) => source.turn_id !== turnId)
}

async function readVersion(
  store: RecordStore,
  scope: string,
  id: string,
  version: number,
): Promise<Memory | undefined> {
  const record = await store.get('versions', scope, versionRecordId(id, version))
  return record && (record.payload as unknown as PastVersion).memory
}

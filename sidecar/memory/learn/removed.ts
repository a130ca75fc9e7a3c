import type { RecordStore } from '../../ports/records.ts'
import { readHistory } from '../history.ts'
import type { Turn } from '../turns.ts'
import type { UnitOfWork } from '../unit-of-work.ts'

/**
 * Of the turns that say a memory, those that it may come from: not a turn that it was deleted from, and none that had
 * come in when somebody deleted it. A turn that says it anew afterwards brings it back.
 */
export async function mayStandFor(
  unit: UnitOfWork,
  store: RecordStore,
  id: string,
  turns: readonly Turn[],
): Promise<Turn[]> {
  const removedAt = await lastRemovedAt(unit, store, id)
  return turns.filter(
    ({ removed_ids, updated_at }) =>
      !removed_ids.includes(id) && (removedAt === undefined || updated_at >= removedAt),
  )
}

async function lastRemovedAt(unit: UnitOfWork, store: RecordStore, id: string): Promise<number | undefined> {
  const held = await unit.find(id)
  const latest = held?.memory ?? (await unit.findEnded(id))?.memory
  // What came back after a deletion is a later version.
  if (!latest || (held && latest.version === 1)) return undefined
  const rows = await readHistory(store, unit.scope, id, latest.version)
  return rows.findLast(({ event, actor }) => event === 'DELETE' && actor === 'api')?.at
}

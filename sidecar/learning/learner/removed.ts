import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { getHistory } from '../../memory/repositories/history.ts'

/**
 * Of the turns that state a memory, those that may create it or become its source: not those that it was deleted from,
 * and none that is older than its deletion. A later turn that states it again restores it.
 */
export async function allowedSources(unit: UnitOfWork, id: string, turns: readonly Turn[]): Promise<Turn[]> {
  const removedAt = await lastRemovedAt(unit, id)
  return turns.filter(
    ({ removed_ids, updated_at }) =>
      !removed_ids.includes(id) && (removedAt === undefined || updated_at >= removedAt),
  )
}

async function lastRemovedAt(unit: UnitOfWork, id: string): Promise<number | undefined> {
  const held = await unit.find(id)
  const latest = held?.memory ?? (await unit.findEnded(id))?.memory
  // A memory that was restored after a deletion has a version above 1.
  if (!latest || (held && latest.version === 1)) return undefined
  const rows = await getHistory(unit.records, unit.scope, id, latest.version)
  return rows.findLast(({ event, actor }) => event === 'DELETE' && actor === 'api')?.at
}

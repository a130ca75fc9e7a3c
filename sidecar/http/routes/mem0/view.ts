import type { HistoryRow } from '../../../memory/model/history.ts'
import { historyRecordId } from '../../../memory/model/history.ts'
import type { Memory } from '../../../memory/model/memory.ts'
import { invalid } from '../../../ports/errors.ts'
import { toIso } from '../../shared/values.ts'
import { entityOf, toForeignId } from './owner.ts'

const DAY_MS = 86_400_000

/** A memory as mem0's clients expect it. */
export function toMem0(memory: Memory, userId: string) {
  const owner = entityOf(userId)
  return {
    id: toForeignId(memory.id, userId),
    memory: memory.text,
    user_id: owner.entity === 'user_id' ? owner.id : null,
    agent_id: memory.agent_id,
    app_id: memory.app_id,
    run_id: memory.run_id,
    metadata: memory.metadata,
    categories: memory.topic === null ? [] : [memory.topic],
    created_at: toIso(memory.created_at),
    updated_at: toIso(memory.updated_at),
    expiration_date: memory.expires_at === null ? null : toIso(memory.expires_at - 1).slice(0, 10),
  }
}

/** The end of a day that a memory is still recalled on, epoch milliseconds. */
export function endOfDay(date: string): number {
  const start = Date.parse(`${date}T00:00:00Z`)
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || Number.isNaN(start)) {
    throw invalid('expiration_date', 'a date as YYYY-MM-DD, or null for none', date)
  }
  return start + DAY_MS
}

export function toMem0History(row: HistoryRow, userId: string) {
  const owner = entityOf(userId)
  const at = toIso(row.at)
  return {
    id: historyRecordId(row.memory_id, row.version, row.event),
    memory_id: toForeignId(row.memory_id, userId),
    input: [],
    old_memory: row.before,
    new_memory: row.after,
    user_id: owner.entity === 'user_id' ? owner.id : null,
    categories: [],
    event: row.event === 'RESTORE' ? 'UPDATE' : row.event,
    created_at: at,
    updated_at: at,
  }
}

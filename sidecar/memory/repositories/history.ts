import { z } from 'zod'
import type { RecordStore, Write } from '../../ports/records.ts'
import {
  type Actor,
  type Cause,
  type HistoryEvent,
  type HistoryRow,
  historyFields,
  historyRecordId,
} from '../model/history.ts'
import { recordsOf } from './record.ts'

const rows = recordsOf('history', z.looseObject(historyFields(z.number())))

/** Every change of a scope, oldest first. Invalid records are skipped where `onInvalid` is given. */
export const { scroll: scrollHistory } = rows

const EVENTS: readonly HistoryEvent[] = ['ADD', 'UPDATE', 'RESTORE', 'DELETE']

/** Every change of one memory up to a version, oldest first. Reads by id, so the size of the scope is irrelevant. */
export async function getHistory(
  store: RecordStore,
  scope: string,
  memoryId: string,
  latest: number,
): Promise<HistoryRow[]> {
  const found: HistoryRow[] = []
  for (let version = 1; version <= latest; version++) {
    for (const event of EVENTS) {
      const row = await rows.get(store, scope, historyRecordId(memoryId, version, event))
      if (row) found.push(row)
    }
  }
  return found
}

/** The actor of the first of the given events that a version of a memory has. */
export async function getActor(
  store: RecordStore,
  scope: string,
  memoryId: string,
  version: number,
  events: readonly HistoryEvent[],
): Promise<Actor | undefined> {
  for (const event of events) {
    const row = await rows.get(store, scope, historyRecordId(memoryId, version, event))
    if (row) return row.actor
  }
  return undefined
}

export function putHistory(
  scope: string,
  change: Pick<HistoryRow, 'memory_id' | 'event' | 'at' | 'version' | 'before' | 'after'>,
  { actor, reason = null, turn, model = null, promptVersion = null }: Cause,
): Write {
  const location = { turn_id: turn?.id ?? null, conversation_id: turn?.conversation_id ?? null }
  const from = { ...location, turn: turn?.turn ?? null, model, prompt_version: promptVersion }
  const id = historyRecordId(change.memory_id, change.version, change.event)
  return rows.put(scope, id, change.at * 1000, { ...change, actor, reason, ...from })
}

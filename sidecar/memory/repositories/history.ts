import { z } from 'zod'
import type { RecordStore, Write } from '../../ports/records.ts'
import {
  type Actor,
  type Cause,
  type HistoryEvent,
  type HistoryRow,
  historyRecordId,
  toHistoryRow,
} from '../model/history.ts'
import { optionalNumber, optionalText } from './fields.ts'
import { getRecord, recordReader, toPayload } from './record.ts'

const readHistoryRow = recordReader<HistoryRow>(
  'history',
  z.looseObject({
    memory_id: z.string(),
    event: z.enum(['ADD', 'UPDATE', 'DELETE', 'RESTORE']),
    at: z.number(),
    version: z.number(),
    before: optionalText,
    after: optionalText,
    actor: z.enum(['verbatim', 'extraction', 'api', 'import']),
    reason: optionalText,
    turn_id: optionalText,
    turn: optionalNumber,
  }),
)

const EVENTS: readonly HistoryEvent[] = ['ADD', 'UPDATE', 'RESTORE', 'DELETE']

/** Every change of one memory up to a version, oldest first. Reads by identifier, so the size of the scope is irrelevant. */
export async function getHistory(
  store: RecordStore,
  scope: string,
  memoryId: string,
  latest: number,
): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = []
  for (let version = 1; version <= latest; version++) {
    for (const event of EVENTS) {
      const row = await getRow(store, scope, memoryId, version, event)
      if (row) rows.push(row)
    }
  }
  return rows
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
    const row = await getRow(store, scope, memoryId, version, event)
    if (row) return row.actor
  }
  return undefined
}

export function putHistory(scope: string, change: Parameters<typeof toHistoryRow>[0], cause: Cause): Write {
  const row = toHistoryRow(change, cause)
  const id = historyRecordId(row.memory_id, row.version, row.event)
  return { put: { id, order: row.at * 1000, payload: toPayload(row) }, collection: 'history', scope }
}

async function getRow(
  store: RecordStore,
  scope: string,
  memoryId: string,
  version: number,
  event: HistoryEvent,
): Promise<HistoryRow | undefined> {
  return await getRecord(store, 'history', scope, historyRecordId(memoryId, version, event), readHistoryRow)
}

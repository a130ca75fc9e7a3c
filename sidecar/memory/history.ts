import type { JsonObject, RecordStore, Write } from '../ports/records.ts'
import { derivedId } from '../scope.ts'
import type { Memory } from './memory.ts'

export type HistoryEvent = 'ADD' | 'UPDATE' | 'DELETE' | 'RESTORE'
export type Actor = 'verbatim' | 'extraction' | 'api' | 'import'

/** Who or what changes a memory, and why. */
export interface Cause {
  actor: Actor
  reason?: string | null | undefined
  turn?: { id: string; conversation_id: string | null; turn: number | null } | undefined
  model?: string | null | undefined
  promptVersion?: string | null | undefined
}

/** One change of one memory: the payload of a record of the collection `history`. */
export interface HistoryRow {
  memory_id: string
  event: HistoryEvent
  /** Epoch milliseconds. */
  at: number
  /** Of the memory after the change; for a deletion, the version that ended. */
  version: number
  before: string | null
  after: string | null
  actor: Actor
  reason: string | null
  turn_id: string | null
  conversation_id: string | null
  turn: number | null
  model: string | null
  prompt_version: string | null
}

/** A version of a memory that holds no more: the payload of a record of the collection `versions`. */
export interface PastVersion {
  memory: Memory
  /** Epoch milliseconds from which it does not hold; equal to `valid_from` for one that was taken back. */
  valid_until: number
  /** Whether the memory ended with it. */
  ended: boolean
}

export function historyWrite(
  scope: string,
  row: Omit<HistoryRow, keyof ReturnType<typeof causeColumns>>,
  cause: Cause,
): Write {
  const payload: HistoryRow = { ...row, ...causeColumns(cause) }
  const id = historyRecordId(row.memory_id, row.version, row.event)
  return {
    put: { id, order: row.at * 1000, payload: payload as unknown as JsonObject },
    collection: 'history',
    scope,
  }
}

/** Where a past version of a memory is kept. */
export function versionRecordId(memoryId: string, version: number): string {
  return `${memoryId}@${version}`
}

const EVENTS: readonly HistoryEvent[] = ['ADD', 'UPDATE', 'RESTORE', 'DELETE']

/** Every change of one memory up to a version, oldest first; read by its identifiers, whatever the scope holds. */
export async function readHistory(
  store: RecordStore,
  scope: string,
  memoryId: string,
  latest: number,
): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = []
  for (let version = 1; version <= latest; version++) {
    for (const event of EVENTS) {
      const record = await store.get('history', scope, historyRecordId(memoryId, version, event))
      if (record) rows.push(record.payload as unknown as HistoryRow)
    }
  }
  return rows
}

/** Who made a version of a memory: of the first of the given events that it was made by. */
export async function madeBy(
  store: RecordStore,
  scope: string,
  memoryId: string,
  version: number,
  events: readonly HistoryEvent[] = ['ADD', 'UPDATE', 'RESTORE'],
): Promise<Actor | undefined> {
  for (const event of events) {
    const record = await store.get('history', scope, historyRecordId(memoryId, version, event))
    if (record) return (record.payload as unknown as HistoryRow).actor
  }
  return undefined
}

/** Where a change is kept: a version of a memory is made, or ended, once. */
export function historyRecordId(memoryId: string, version: number, event: HistoryEvent): string {
  return derivedId('history', memoryId, String(version), event)
}

function causeColumns({ actor, reason, turn, model, promptVersion }: Cause) {
  return {
    actor,
    reason: reason ?? null,
    turn_id: turn?.id ?? null,
    conversation_id: turn?.conversation_id ?? null,
    turn: turn?.turn ?? null,
    model: model ?? null,
    prompt_version: promptVersion ?? null,
  }
}

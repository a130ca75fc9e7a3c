import { z } from 'zod'
import { id, type Time, text, turnNumber, version } from './fields.ts'
import type { Memory } from './memory.ts'
import { derivedId } from './scope.ts'

/** The actor and the reason of a change. */
export interface Cause {
  actor: Actor
  reason?: string | null | undefined
  turn?: { id: string; conversation_id: string | null; turn: number | null } | undefined
  model?: string | null | undefined
  promptVersion?: string | null | undefined
}

/** One change of one memory: a record of the collection `history`. */
export const historyFields = <T extends Time>(time: T) => ({
  memory_id: id,
  event: z.enum(['ADD', 'UPDATE', 'DELETE', 'RESTORE']),
  at: time,
  /** Version of the memory after the change; for a deletion, the version that ended. */
  version,
  before: text,
  after: text,
  actor: z.enum(['verbatim', 'extraction', 'api', 'import']),
  reason: text,
  turn_id: text,
  conversation_id: text,
  turn: turnNumber,
  model: text,
  prompt_version: text,
})
const storedRow = z.object(historyFields(z.number()))
export type HistoryRow = z.output<typeof storedRow>
export type HistoryEvent = HistoryRow['event']
export type Actor = HistoryRow['actor']

/** A version of a memory that is no longer valid: a record of the collection `versions`. */
export interface PastVersion {
  memory: Memory
  /** Epoch milliseconds, exclusive; equal to `valid_from` for a version that was taken back. */
  valid_until: number
  /** Whether the memory ended with this version. */
  ended: boolean
  /** Deleted by hand, so that its relations are no past of the graph. */
  deleted_by_hand?: true | undefined
}

export function versionRecordId(memoryId: string, version: number): string {
  return `${memoryId}@${version}`
}

/** A version of a memory is created, or ended, once. */
export function historyRecordId(memoryId: string, version: number, event: HistoryEvent): string {
  return derivedId('history', memoryId, String(version), event)
}

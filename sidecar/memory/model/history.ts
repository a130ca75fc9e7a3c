import type { Memory } from './memory.ts'
import { derivedId } from './scope.ts'

export type HistoryEvent = 'ADD' | 'UPDATE' | 'DELETE' | 'RESTORE'
export type Actor = 'verbatim' | 'extraction' | 'api' | 'import'

/** The actor and the reason of a change. */
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
  /** Version of the memory after the change; for a deletion, the version that ended. */
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

/** A version of a memory that is no longer valid: the payload of a record of the collection `versions`. */
export interface PastVersion {
  memory: Memory
  /** Epoch milliseconds, exclusive; equal to `valid_from` for a version that was taken back. */
  valid_until: number
  /** Whether the memory ended with this version. */
  ended: boolean
}

export function toHistoryRow(
  change: Pick<HistoryRow, 'memory_id' | 'event' | 'at' | 'version' | 'before' | 'after'>,
  { actor, reason, turn, model, promptVersion }: Cause,
): HistoryRow {
  return {
    ...change,
    actor,
    reason: reason ?? null,
    turn_id: turn?.id ?? null,
    conversation_id: turn?.conversation_id ?? null,
    turn: turn?.turn ?? null,
    model: model ?? null,
    prompt_version: promptVersion ?? null,
  }
}

export function versionRecordId(memoryId: string, version: number): string {
  return `${memoryId}@${version}`
}

/** A version of a memory is created, or ended, once. */
export function historyRecordId(memoryId: string, version: number, event: HistoryEvent): string {
  return derivedId('history', memoryId, String(version), event)
}

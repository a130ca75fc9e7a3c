import type { JsonObject, StoredRecord, Write } from '../ports/records.ts'
import type { CacheReport, Strategy } from '../recall/strategies/request.ts'
import type { Answered } from '../recall/strategies/strategies.ts'
import { derivedId, scopeKey } from '../scope.ts'
import type { Knowledge } from '../window/knowledge.ts'

/** What one recall of a turn was answered with: ids, names of our own and numbers, never a text. */
export interface TimelineRow {
  /** Epoch milliseconds at which the recall began. */
  at: number
  turn: number
  /** `null` where none was told, so that the window shows nothing. */
  window_size: number | null
  strategy: Strategy
  cache: CacheReport
  watermark: number | null
  /** o200k, of block and delta together. */
  tokens: number
  memories: number
  degraded: readonly string[]
  took_ms: number
  /** What of the conversation could be found; `null` where what was served does not come from there. */
  known: Knowledge | null
}

/** A row with the place that it will have in the store. */
export interface PlacedRow {
  /** Of its place: rows with the same are one. Not yet hashed, since that costs each recall and not each write. */
  id: string
  /** Of the user. */
  scope: string
  conversationId: string
  row: TimelineRow
}

/** The rows of a conversation stand together. No user's scope has a second slash. */
export function rowsScope(scope: string, conversationId: string): string {
  return `${scope}/${conversationRowId(conversationId)}`
}

/** The record, in the scope of the user, that says that a conversation has rows. */
export function conversationRowId(conversationId: string): string {
  return derivedId('timeline', conversationId)
}

/** `undefined` for a recall of no turn of no conversation, which has no place in a timeline. */
export function toRow({ scope, request, result, at }: Answered): PlacedRow | undefined {
  const { conversationId, turn, windowSize } = request
  if (conversationId === undefined || turn === undefined) return undefined
  const { strategy, cache, watermark = null, tokens, memories, degraded, known = null, tookMs } = result
  const row: TimelineRow = {
    ...{ at, turn, window_size: windowSize ?? null, strategy, cache, watermark, tokens },
    ...{ memories: memories.length, degraded, took_ms: Math.round(tookMs.total), known },
  }
  const key = scopeKey(scope)
  // The same answer to the same turn, given again, is one row: a chat that is tried again and again stays short.
  const built = cache.result === 'none' ? 0 : (known?.at ?? 0)
  const same = [turn, windowSize, strategy, cache.result, cache.reason, cache.block_hash, built, degraded]
  return { id: JSON.stringify([key, conversationId, ...same]), scope: key, conversationId, row }
}

/** @param of `rowsScope` of the row */
export function toWrite(placed: PlacedRow, of: string): Write {
  const { row } = placed
  const put = { id: recordId(placed), order: row.turn, payload: row as unknown as JsonObject }
  return { put, collection: 'timeline', scope: of }
}

/** The record that a row is or was written to. */
export function recordId({ id }: PlacedRow): string {
  return derivedId('timeline row', id)
}

export function fromRecord({ payload }: StoredRecord): TimelineRow {
  return payload as unknown as TimelineRow
}

import { randomUUID } from 'node:crypto'
import type { LedgerEntry } from '../ports/ledger.ts'
import type { JsonObject, Position, StoredRecord, Write } from '../ports/records.ts'

/** A call as it is stored: ids, names of our own and numbers, never a text or a key. */
export interface LedgerRow {
  /** Epoch milliseconds. */
  at: number
  /** `null` once the user is forgotten. */
  user_id: string | null
  conversation_id: string | null
  turn: number | null
  arm: string | null
  purpose: string
  model: string
  tokens_in: number
  tokens_out: number
  tokens_cached: number
  latency_ms: number
  retries: number
  outcome: string
}

/** A row with the place that it has or will have in the store. */
export interface PlacedRow {
  /** Given once, so that writing it again after a failure of unknown outcome is the same row. */
  id: string
  scope: string
  row: LedgerRow
}

export interface LedgerFilter {
  userId?: string | undefined
  conversationId?: string | undefined
  turn?: number | undefined
  purpose?: string | undefined
  model?: string | undefined
  arm?: string | undefined
  /** Epoch milliseconds, the first included and the second not. */
  from?: number | undefined
  to?: number | undefined
}

/** The rows of a namespace stand together, under a user id that no user can have: the empty one. */
export function ledgerScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

/** Field by field: whatever else a caller's object holds stays out. Every value is one that any store takes. */
export function toRow(entry: LedgerEntry): PlacedRow {
  const [namespace = '', user = ''] = entry.scope.split('/')
  const at = Math.min(whole(entry.at), LATEST)
  return {
    id: timedId(at),
    scope: `${namespace}/`,
    row: {
      at,
      user_id: decodeURIComponent(user),
      conversation_id: entry.conversationId ?? null,
      turn: entry.turn ?? null,
      arm: entry.arm ?? null,
      purpose: entry.purpose,
      model: entry.model,
      tokens_in: whole(entry.tokensIn),
      tokens_out: whole(entry.tokensOut),
      tokens_cached: whole(entry.tokensCached),
      latency_ms: whole(entry.latencyMs),
      retries: whole(entry.retries),
      outcome: entry.outcome,
    },
  }
}

export function toWrite({ id, scope, row }: PlacedRow): Write {
  const put = { id, order: orderAt(row.at), payload: row as unknown as JsonObject }
  return { put, collection: 'ledger', scope }
}

export function fromRecord({ payload }: StoredRecord): LedgerRow {
  return payload as unknown as LedgerRow
}

/** The place just before the rows of a time; absent: the beginning. */
export function positionBefore(at: number | undefined): Position | undefined {
  return at === undefined || at <= 0 ? undefined : { order: orderAt(at) - 1, id: '' }
}

export function matches(row: LedgerRow, filter: LedgerFilter): boolean {
  return (
    (filter.userId === undefined || row.user_id === filter.userId) &&
    (filter.conversationId === undefined || row.conversation_id === filter.conversationId) &&
    (filter.turn === undefined || row.turn === filter.turn) &&
    (filter.purpose === undefined || row.purpose === filter.purpose) &&
    (filter.model === undefined || row.model === filter.model) &&
    (filter.arm === undefined || row.arm === filter.arm) &&
    (filter.from === undefined || row.at >= filter.from) &&
    (filter.to === undefined || row.at < filter.to)
  )
}

/** A UUID version 7 (RFC 9562 §5.7): rows of one time lie together in a store that is kept by id. */
function timedId(at: number): string {
  const time = at.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}

/** Last millisecond whose microseconds are a safe integer: in the year 2255. */
const LATEST = Math.floor(Number.MAX_SAFE_INTEGER / 1000)

/** Microseconds, as records are ordered by. */
function orderAt(at: number): number {
  return Math.min(at, LATEST) * 1000
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER) : 0
}

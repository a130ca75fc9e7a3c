import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { recordsOf } from '../../memory/repositories/record.ts'
import type { LedgerEntry } from '../../ports/ledger.ts'
import type { Position, Write } from '../../ports/records.ts'

/** A model call as stored: ids, constants and numbers, never user text or a key. */
const ledgerRow = z.object({
  /** Epoch milliseconds. */
  at: z.number(),
  /** `null` after the user was erased. */
  user_id: z.string().nullable(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  arm: z.string().nullable(),
  purpose: z.string(),
  model: z.string(),
  tokens_in: z.number(),
  tokens_out: z.number(),
  tokens_cached: z.number(),
  latency_ms: z.number(),
  retries: z.number(),
  outcome: z.string(),
})

export type LedgerRow = z.output<typeof ledgerRow>

/** A row with its place in the store. */
export interface KeyedRow {
  /** Assigned once, so that a retried write does not duplicate the row. */
  id: string
  scope: string
  row: LedgerRow
}

type TextField = 'userId' | 'conversationId' | 'purpose' | 'model' | 'arm'

export interface LedgerFilter extends Partial<Record<TextField, string | undefined>> {
  turn?: number | undefined
  /** Epoch milliseconds, inclusive. */
  from?: number | undefined
  /** Epoch milliseconds, exclusive. */
  to?: number | undefined
}

export const ledgerRows = recordsOf('ledger', ledgerRow)

/** All rows of a namespace share the scope with the empty user id, which no user can have. */
export function ledgerScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

/** Copies known fields only: the object of the caller may carry others. Numbers are clamped to what any store accepts. */
export function toKeyedRow(entry: LedgerEntry): KeyedRow {
  const [namespace = '', user = ''] = entry.scope.split('/')
  const at = Math.min(toInteger(entry.at), MAX_TIME)
  return {
    id: randomUUID(),
    scope: `${namespace}/`,
    row: {
      at,
      user_id: decodeURIComponent(user),
      conversation_id: entry.conversationId ?? null,
      turn: entry.turn ?? null,
      arm: entry.arm ?? null,
      purpose: entry.purpose,
      model: entry.model,
      tokens_in: toInteger(entry.tokensIn),
      tokens_out: toInteger(entry.tokensOut),
      tokens_cached: toInteger(entry.tokensCached),
      latency_ms: toInteger(entry.latencyMs),
      retries: toInteger(entry.retries),
      outcome: entry.outcome,
    },
  }
}

export function toWrite({ id, scope, row }: KeyedRow): Write {
  return ledgerRows.put(scope, id, orderAt(row.at), row)
}

/** Returns the position just before the rows of a time, epoch milliseconds. */
export function positionBefore(at: number | undefined): Position | undefined {
  return at === undefined || at <= 0 ? undefined : { order: orderAt(at) - 1, id: '' }
}

export function matches(
  row: LedgerRow,
  { from, to, userId, conversationId, ...rest }: LedgerFilter,
): boolean {
  const expected = { ...rest, user_id: userId, conversation_id: conversationId }
  const hasFields = Object.entries(expected).every(
    ([field, value]) => value === undefined || row[field as keyof LedgerRow] === value,
  )
  return hasFields && (from === undefined || row.at >= from) && (to === undefined || row.at < to)
}

/** Last millisecond whose microseconds are a safe integer: in the year 2255. */
const MAX_TIME = Math.floor(Number.MAX_SAFE_INTEGER / 1000)

/** Records are ordered by epoch microseconds. */
export function orderAt(at: number): number {
  return Math.min(at, MAX_TIME) * 1000
}

function toInteger(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER) : 0
}

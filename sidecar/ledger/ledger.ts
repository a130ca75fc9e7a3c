import { randomUUID } from 'node:crypto'
import type { LedgerEntry, RecordCall } from '../ports/ledger.ts'
import { type RecordStore, scrollAll, type Write } from '../ports/records.ts'
import { costOf, type PriceList } from './prices.ts'

export interface LedgerFilter {
  userId?: string | undefined
  conversationId?: string | undefined
  turn?: number | undefined
  purpose?: string | undefined
  model?: string | undefined
  /** Epoch milliseconds, the first included and the second not. */
  from?: number | undefined
  to?: number | undefined
}

export const GROUPINGS = ['user', 'conversation', 'turn', 'purpose', 'model', 'day', 'arm'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface Totals {
  calls: number
  failed: number
  tokens_in: number
  tokens_out: number
  tokens_cached: number
  latency_ms: number
  retries: number
  /** `null` where a call is by a model without a price. */
  cost: number | null
}

export interface LedgerGroup extends Totals {
  key: Record<string, string | number | null>
}

/** A row as it is stored, and shown. */
export interface LedgerRow {
  at: number
  user_id: string
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

export interface LedgerOptions {
  records: RecordStore
  prices: PriceList
  /** Told when rows could not be written; they are tried again, and the oldest go when there are too many. */
  onFailure?: (error: unknown, waiting: number) => void
  /** Milliseconds between writes. */
  writeEveryMs?: number
}

/** Most rows that wait to be written; a store that is away for long costs rows, never memory. */
const MAX_WAITING = 10_000

/** One row per external call. Rows are written in groups, apart from the work that they are about. */
export class Ledger {
  readonly #records: RecordStore
  readonly #prices: PriceList
  readonly #onFailure: (error: unknown, waiting: number) => void
  readonly #writeEveryMs: number
  #waiting: { scope: string; row: LedgerRow }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor({ records, prices, onFailure = () => {}, writeEveryMs = 200 }: LedgerOptions) {
    this.#records = records
    this.#prices = prices
    this.#onFailure = onFailure
    this.#writeEveryMs = writeEveryMs
  }

  readonly record: RecordCall = (entry) => {
    this.#waiting.push(toRow(entry))
    if (this.#waiting.length > MAX_WAITING) this.#waiting.splice(0, this.#waiting.length - MAX_WAITING)
    this.#schedule()
  }

  /** Writes what waits. Rows that cannot be written wait on. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const rows = this.#waiting
    if (rows.length === 0) return
    this.#waiting = []
    try {
      await this.#records.commit(rows.map(({ scope, row }) => toWrite(scope, row)))
    } catch (error) {
      this.#waiting = [...rows, ...this.#waiting].slice(-MAX_WAITING)
      this.#onFailure(error, this.#waiting.length)
      this.#schedule()
    }
  }

  /** Sums of the calls of a namespace that a filter lets through, in all and by group. */
  async query(
    namespace: string,
    filter: LedgerFilter,
    groupBy: readonly Grouping[],
  ): Promise<{ totals: Totals; groups: LedgerGroup[] }> {
    await this.flush()
    const totals = none()
    const groups = new Map<string, LedgerGroup>()
    for await (const { payload } of scrollAll(this.#records, 'ledger', ledgerScope(namespace))) {
      const row = payload as unknown as LedgerRow
      if (!matches(row, filter)) continue
      const cost = costOf(
        {
          model: row.model,
          tokensIn: row.tokens_in,
          tokensOut: row.tokens_out,
          tokensCached: row.tokens_cached,
        },
        this.#prices,
      )
      count(totals, row, cost)
      if (groupBy.length === 0) continue
      const key = Object.fromEntries(groupBy.map((one) => [one, KEYS[one](row)]))
      const name = JSON.stringify(key)
      const group = groups.get(name) ?? { key, ...none() }
      groups.set(name, group)
      count(group, row, cost)
    }
    return { totals, groups: [...groups.values()] }
  }

  #schedule(): void {
    if (this.#timer) return
    this.#timer = setTimeout(() => void this.flush(), this.#writeEveryMs)
    this.#timer.unref()
  }
}

/** The rows of a namespace stand together, under a user id that no user can have: the empty one. */
function ledgerScope(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`
}

const KEYS: Record<Grouping, (row: LedgerRow) => string | number | null> = {
  user: (row) => row.user_id,
  conversation: (row) => row.conversation_id,
  turn: (row) => row.turn,
  purpose: (row) => row.purpose,
  model: (row) => row.model,
  day: (row) => new Date(row.at).toISOString().slice(0, 10),
  arm: (row) => row.arm,
}

function matches(row: LedgerRow, filter: LedgerFilter): boolean {
  return (
    (filter.userId === undefined || row.user_id === filter.userId) &&
    (filter.conversationId === undefined || row.conversation_id === filter.conversationId) &&
    (filter.turn === undefined || row.turn === filter.turn) &&
    (filter.purpose === undefined || row.purpose === filter.purpose) &&
    (filter.model === undefined || row.model === filter.model) &&
    (filter.from === undefined || row.at >= filter.from) &&
    (filter.to === undefined || row.at < filter.to)
  )
}

function none(): Totals {
  return {
    calls: 0,
    failed: 0,
    tokens_in: 0,
    tokens_out: 0,
    tokens_cached: 0,
    latency_ms: 0,
    retries: 0,
    cost: 0,
  }
}

function count(totals: Totals, row: LedgerRow, cost: number | null): void {
  totals.calls += 1
  if (row.outcome !== 'ok') totals.failed += 1
  totals.tokens_in += row.tokens_in
  totals.tokens_out += row.tokens_out
  totals.tokens_cached += row.tokens_cached
  totals.latency_ms += row.latency_ms
  totals.retries += row.retries > 0 ? 1 : 0
  totals.cost = totals.cost === null || cost === null ? null : totals.cost + cost
}

function toRow(entry: LedgerEntry): { scope: string; row: LedgerRow } {
  const [namespace = '', user = ''] = entry.scope.split('/')
  return {
    scope: `${namespace}/`,
    row: {
      at: entry.at,
      user_id: decodeURIComponent(user),
      conversation_id: entry.conversationId ?? null,
      turn: entry.turn ?? null,
      arm: entry.arm ?? null,
      purpose: entry.purpose,
      model: entry.model,
      tokens_in: entry.tokensIn,
      tokens_out: entry.tokensOut,
      tokens_cached: entry.tokensCached,
      latency_ms: Math.round(entry.latencyMs),
      retries: entry.retries,
      outcome: entry.outcome,
    },
  }
}

function toWrite(scope: string, row: LedgerRow): Write {
  const put = { id: randomUUID(), order: row.at * 1000, payload: row as unknown as Record<string, never> }
  return { put, collection: 'ledger', scope }
}

import { setImmediate } from 'node:timers/promises'
import type { Scope } from '../../memory/model/scope.ts'
import type { RecordCall } from '../../ports/ledger.ts'
import type { Position, RecordStore, StoredRecord } from '../../ports/records.ts'
import { WriteBehind, type WriteFailure } from '../write-behind.ts'
import type { PriceList } from './prices.ts'
import {
  type KeyedRow,
  type LedgerFilter,
  ledgerScope,
  matches,
  orderAt,
  positionBefore,
  readLedgerRow,
  toKeyedRow,
  toWrite,
} from './rows.ts'
import { type Grouping, type LedgerSums, LedgerTotals } from './totals.ts'

export interface LedgerOptions {
  records: RecordStore
  prices: PriceList
  /** Called for every failed write. The rows stay pending and are retried. */
  onFailure?: (error: unknown, failure: WriteFailure) => void
  /** Milliseconds between writes. @default 200 */
  writeEveryMs?: number
  /** Maximum unwritten rows; above it, the oldest are dropped. @default 10000 */
  maxPending?: number
}

/** Rows per commit and per page read. */
const PAGE = 500

/** Records every call to a model: one row each, written in batches in the background. */
export class Ledger {
  readonly #records: RecordStore
  readonly #prices: PriceList
  readonly #buffer: WriteBehind<KeyedRow>
  readonly #listeners: RecordCall[] = []

  constructor({ records, prices, onFailure, writeEveryMs = 200, maxPending = 10_000 }: LedgerOptions) {
    this.#records = records
    this.#prices = prices
    this.#buffer = new WriteBehind({
      write: async (rows) => await records.commit(rows.map(toWrite)),
      onFailure,
      intervalMs: writeEveryMs,
      maxPending,
      batchSize: PAGE,
    })
  }

  readonly record: RecordCall = (entry) => {
    if (this.#buffer.isClosed) return
    for (const listener of this.#listeners) listener(entry)
    try {
      this.#buffer.put(toKeyedRow(entry))
    } catch (error) {
      this.#buffer.reportLost(error)
    }
  }

  /** Calls the listener for every entry, even if its row cannot be written. */
  listen(listener: RecordCall): void {
    this.#listeners.push(listener)
  }

  /** Writes pending rows. Never rejects; rows that cannot be written stay pending. */
  async flush(): Promise<void> {
    await this.#buffer.flush()
  }

  /** Sums the calls of a namespace that match a filter, in total and by group. Includes pending rows. */
  async query(
    namespace: string,
    filter: LedgerFilter = {},
    groupBy: readonly Grouping[] = [],
  ): Promise<LedgerSums> {
    await this.flush()
    const scope = ledgerScope(namespace)
    // Keyed by id, because a pending row may be written while the store is read.
    const pending = new Map(
      this.#buffer.pending.filter((keyed) => keyed.scope === scope).map(({ id, row }) => [id, row]),
    )
    const totals = new LedgerTotals(groupBy, this.#prices)
    for await (const page of this.#pages(scope, filter)) {
      for (const record of page) {
        pending.delete(record.id)
        const row = readLedgerRow(record)
        if (matches(row, filter)) totals.add(row)
      }
    }
    for (const row of pending.values()) if (matches(row, filter)) totals.add(row)
    return totals.sums()
  }

  /** Removes user and conversation from the rows of a user; tokens and cost stay. Returns the number of rows. */
  async forget({ namespace, userId }: Scope): Promise<number> {
    await this.flush()
    const scope = ledgerScope(namespace)
    const anonymous = { user_id: null, conversation_id: null }
    let count = 0
    for (const keyed of this.#buffer.pending) {
      if (keyed.scope !== scope || keyed.row.user_id !== userId) continue
      this.#buffer.replace({ ...keyed, row: { ...keyed.row, ...anonymous } })
      count += 1
    }
    for await (const page of this.#pages(scope)) {
      // Not validated: an invalid row must not prevent the erasure.
      const own = page.filter(({ payload }) => payload['user_id'] === userId)
      if (own.length === 0) continue
      await this.#records.commit(
        own.map(({ id, order, payload }) => ({
          put: { id, order, payload: { ...payload, ...anonymous } },
          collection: 'ledger',
          scope,
        })),
      )
      count += own.length
    }
    return count
  }

  /** Tries once to write the pending rows. Later entries are ignored. */
  async close(): Promise<void> {
    await this.#buffer.close()
  }

  async *#pages(scope: string, { from, to = Infinity }: LedgerFilter = {}): AsyncGenerator<StoredRecord[]> {
    let after: Position | undefined = positionBefore(from)
    for (;;) {
      const page = await this.#records.scroll('ledger', scope, { limit: PAGE, after })
      yield page
      const last = page.at(-1)
      if (!last || page.length < PAGE || last.order >= orderAt(to)) return
      after = { order: last.order, id: last.id }
      // An in-process store resolves without yielding to the event loop.
      await setImmediate()
    }
  }
}

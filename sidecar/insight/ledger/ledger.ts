import type { Scope } from '../../memory/model/scope.ts'
import type { RecordCall } from '../../ports/ledger.ts'
import { type RecordStore, scrollAll, scrollPages } from '../../ports/records.ts'
import { type BufferOptions, WriteBehind } from '../write-behind.ts'
import type { PriceList } from './prices.ts'
import {
  type KeyedRow,
  type LedgerFilter,
  ledgerRows,
  ledgerScope,
  matches,
  orderAt,
  positionBefore,
  toKeyedRow,
  toWrite,
} from './rows.ts'
import { type Grouping, type LedgerSums, LedgerTotals } from './totals.ts'

export interface LedgerOptions extends BufferOptions {
  records: RecordStore
  prices: PriceList
}

/** Rows per page read. */
const PAGE = 500

/** Records every call to a model: one row each, written in batches in the background. */
export class Ledger {
  readonly #records: RecordStore
  readonly #prices: PriceList
  readonly #buffer: WriteBehind<KeyedRow>
  readonly #listeners: RecordCall[] = []

  constructor({ records, prices, ...options }: LedgerOptions) {
    this.#records = records
    this.#prices = prices
    const write = async (rows: readonly KeyedRow[]) => await records.commit(rows.map(toWrite))
    this.#buffer = new WriteBehind(write, { writeEveryMs: 200, ...options })
  }

  readonly record: RecordCall = (entry) => {
    if (this.#buffer.isClosed) return
    for (const listener of this.#listeners) listener(entry)
    this.#buffer.add(() => toKeyedRow(entry))
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
    const { from, to } = filter
    const options = { limit: PAGE, after: positionBefore(from) }
    for await (const record of scrollAll(this.#records, 'ledger', scope, options)) {
      if (to !== undefined && record.order >= orderAt(to)) break
      pending.delete(record.id)
      const row = ledgerRows.read(record)
      if (matches(row, filter)) totals.add(row)
    }
    for (const row of pending.values()) if (matches(row, filter)) totals.add(row)
    return totals.sums()
  }

  /** Removes user and conversation from the rows of a user; tokens and cost stay. Returns the number of rows. */
  async forget({ namespace, userId }: Scope): Promise<number> {
    await this.flush()
    const scope = ledgerScope(namespace)
    const anonymous = { user_id: null, conversation_id: null }
    let count = this.#buffer.update((keyed) =>
      keyed.scope === scope && keyed.row.user_id === userId
        ? { ...keyed, row: { ...keyed.row, ...anonymous } }
        : keyed,
    )
    for await (const page of scrollPages(this.#records, 'ledger', scope, { limit: PAGE })) {
      // Not validated: an invalid row must not prevent the erasure.
      const own = page.filter(({ payload }) => payload['user_id'] === userId)
      await this.#records.commit(
        own.map(({ id, order, payload }) => ledgerRows.put(scope, id, order, { ...payload, ...anonymous })),
      )
      count += own.length
    }
    return count
  }

  /** Tries once to write the pending rows. Later entries are ignored. */
  async close(): Promise<void> {
    await this.#buffer.close()
  }
}

import { setImmediate } from 'node:timers/promises'
import type { RecordCall } from '../ports/ledger.ts'
import type { Position, RecordStore, StoredRecord } from '../ports/records.ts'
import type { Scope } from '../scope.ts'
import { WriteBehind, type WriteTrouble } from '../write-behind.ts'
import type { PriceList } from './prices.ts'
import {
  fromRecord,
  type LedgerFilter,
  ledgerScope,
  matches,
  type PlacedRow,
  positionBefore,
  toRow,
  toWrite,
} from './rows.ts'
import { type Grouping, type LedgerSums, summing } from './totals.ts'

export interface LedgerOptions {
  records: RecordStore
  prices: PriceList
  /** Told of every write that failed. The rows wait and are written later; the oldest go when there are too many. */
  onFailure?: (error: unknown, trouble: WriteTrouble) => void
  /** Milliseconds between writes. @default 200 */
  writeEveryMs?: number
}

/** Most rows that wait to be written: a store that is away for long costs rows, never memory. */
export const MAX_WAITING = 10_000
/** Rows of one commit, and of one page of a reading: a few milliseconds of the event loop. */
const PAGE = 500

/** One row per external call. Rows are written in groups, apart from the work that they are about. */
export class Ledger {
  readonly #records: RecordStore
  readonly #prices: PriceList
  readonly #behind: WriteBehind<PlacedRow>
  readonly #listeners: RecordCall[] = []

  constructor({ records, prices, onFailure, writeEveryMs = 200 }: LedgerOptions) {
    this.#records = records
    this.#prices = prices
    this.#behind = new WriteBehind({
      write: async (rows) => await records.commit(rows.map(toWrite)),
      onFailure,
      everyMs: writeEveryMs,
      maxWaiting: MAX_WAITING,
      atOnce: PAGE,
    })
  }

  readonly record: RecordCall = (entry) => {
    if (this.#behind.isClosed) return
    for (const listener of this.#listeners) listener(entry)
    try {
      this.#behind.put(toRow(entry))
    } catch (error) {
      this.#behind.lose(error)
    }
  }

  /** Tells of every entry, whether or not it can be written. */
  listen(listener: RecordCall): void {
    this.#listeners.push(listener)
  }

  /** Writes what waits. Never rejects: rows that cannot be written wait on. */
  async flush(): Promise<void> {
    await this.#behind.flush()
  }

  /** Sums of the calls of a namespace that a filter lets through, in all and by group. */
  async query(
    namespace: string,
    filter: LedgerFilter = {},
    groupBy: readonly Grouping[] = [],
  ): Promise<LedgerSums> {
    await this.flush()
    const scope = ledgerScope(namespace)
    // What could not be written counts as well, and once: a write may get through while the store is being read.
    const unwritten = new Map(
      this.#behind.waiting.filter((placed) => placed.scope === scope).map((placed) => [placed.id, placed]),
    )
    const { add, sums } = summing(groupBy, this.#prices)
    for await (const page of this.#pages(scope, filter)) {
      for (const record of page) {
        unwritten.delete(record.id)
        const row = fromRecord(record)
        if (matches(row, filter)) add(row)
      }
    }
    for (const { row } of unwritten.values()) if (matches(row, filter)) add(row)
    return sums()
  }

  /** Takes user and conversation out of a user's rows; what was spent stays. Answers how many rows there were. */
  async forget({ namespace, userId }: Scope): Promise<number> {
    await this.flush()
    const scope = ledgerScope(namespace)
    let count = 0
    const nameless = (placed: PlacedRow): PlacedRow => {
      count += 1
      return { ...placed, row: { ...placed.row, user_id: null, conversation_id: null } }
    }
    for (const placed of this.#behind.waiting) {
      if (placed.scope === scope && placed.row.user_id === userId) this.#behind.replace(nameless(placed))
    }
    for await (const page of this.#pages(scope, {})) {
      const rows = page
        .map((record) => ({ id: record.id, scope, row: fromRecord(record) }))
        .filter(({ row }) => row.user_id === userId)
      if (rows.length > 0) await this.#records.commit(rows.map((placed) => toWrite(nameless(placed))))
    }
    return count
  }

  /** Writes what waits, once. Later entries are let go. */
  async close(): Promise<void> {
    await this.#behind.close()
  }

  async *#pages(scope: string, { from, to = Number.POSITIVE_INFINITY }: LedgerFilter) {
    let after: Position | undefined = positionBefore(from)
    for (;;) {
      const page: StoredRecord[] = await this.#records.scroll('ledger', scope, { limit: PAGE, after })
      yield page
      const last = page.at(-1)
      if (!last || page.length < PAGE || fromRecord(last).at >= to) return
      after = { order: last.order, id: last.id }
      // A store in this process answers without ever letting go of the event loop.
      await setImmediate()
    }
  }
}

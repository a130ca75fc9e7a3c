import { setImmediate } from 'node:timers/promises'
import type { RecordCall } from '../ports/ledger.ts'
import type { Position, RecordStore, StoredRecord } from '../ports/records.ts'
import type { Scope } from '../scope.ts'
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

export interface LedgerTrouble {
  /** Rows that wait to be written. */
  waiting: number
  /** Rows that were given up since the start, as there were too many. */
  lost: number
}

export interface LedgerOptions {
  records: RecordStore
  prices: PriceList
  /** Told of every write that failed. The rows wait and are written later; the oldest go when there are too many. */
  onFailure?: (error: unknown, trouble: LedgerTrouble) => void
  /** Milliseconds between writes. @default 200 */
  writeEveryMs?: number
}

/** Most rows that wait to be written: a store that is away for long costs rows, never memory. */
export const MAX_WAITING = 10_000
/** Rows of one commit, and of one page of a reading: a few milliseconds of the event loop. */
const PAGE = 500
/** Longest pause before a failed write is tried again, milliseconds. */
const MAX_PAUSE_MS = 30_000

/** One row per external call. Rows are written in groups, apart from the work that they are about. */
export class Ledger {
  readonly #records: RecordStore
  readonly #prices: PriceList
  readonly #onFailure: (error: unknown, trouble: LedgerTrouble) => void
  readonly #writeEveryMs: number
  /** By id, the oldest first. */
  readonly #waiting = new Map<string, PlacedRow>()
  #lost = 0
  #failures = 0
  #closed = false
  readonly #listeners: RecordCall[] = []
  #timer: NodeJS.Timeout | undefined
  #tail: Promise<void> = Promise.resolve()

  constructor({ records, prices, onFailure = () => {}, writeEveryMs = 200 }: LedgerOptions) {
    this.#records = records
    this.#prices = prices
    this.#onFailure = onFailure
    this.#writeEveryMs = writeEveryMs
  }

  readonly record: RecordCall = (entry) => {
    if (this.#closed) return
    for (const listener of this.#listeners) listener(entry)
    try {
      const placed = toRow(entry)
      this.#waiting.set(placed.id, placed)
    } catch (error) {
      this.#lost += 1
      this.#tell(error)
      return
    }
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_WAITING) break
      this.#waiting.delete(oldest)
      this.#lost += 1
    }
    this.#schedule()
  }

  /** Tells of every entry, whether or not it can be written. */
  listen(listener: RecordCall): void {
    this.#listeners.push(listener)
  }

  /** Writes what waits. Never rejects: rows that cannot be written wait on. */
  flush(): Promise<void> {
    // One after another, so that a caller that comes second does not go on before the first is through.
    this.#tail = this.#tail.then(() => this.#write())
    return this.#tail
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
    const unwritten = new Map([...this.#waiting].filter(([, placed]) => placed.scope === scope))
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
    for (const placed of [...this.#waiting.values()]) {
      if (placed.scope === scope && placed.row.user_id === userId)
        this.#waiting.set(placed.id, nameless(placed))
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
    this.#closed = true
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
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

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#waiting.size > 0) {
      const rows = [...this.#waiting.values().take(PAGE)]
      try {
        await this.#records.commit(rows.map(toWrite))
      } catch (error) {
        this.#failures += 1
        this.#tell(error)
        this.#schedule()
        return
      }
      this.#failures = 0
      // Unless a forgetting has put another in its place, which is yet to be written.
      for (const placed of rows) if (this.#waiting.get(placed.id) === placed) this.#waiting.delete(placed.id)
    }
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return
    const pause = Math.min(this.#writeEveryMs * 2 ** this.#failures, MAX_PAUSE_MS)
    this.#timer = setTimeout(() => void this.flush(), pause)
    this.#timer.unref()
  }

  #tell(error: unknown): void {
    try {
      this.#onFailure(error, { waiting: this.#waiting.size, lost: this.#lost })
    } catch {
      // Whoever cannot listen must not cost the rows, let alone the call that they are about.
    }
  }
}

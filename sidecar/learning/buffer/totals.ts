import type { PendingTurn } from '../../memory/model/pending.ts'
import { pendingScopes, scrollPending } from '../../memory/repositories/pending.ts'
import type { RecordStore } from '../../ports/records.ts'

/** Sums over all that waits, of the whole store. */
export interface Totals {
  turns: number
  /** Of these, those that have failed for good. */
  failed: number
  tokens: number
  /** When the oldest was accepted, epoch milliseconds. */
  oldestAt: number | null
}

/** How old sums over a store with others may be for the bound on them, milliseconds: each reads all that waits. */
const RENEW_MS = 15_000

/** The sums over a store in which others put turns as well, read by one at a time. */
export class StoredTotals {
  readonly #records: RecordStore
  readonly #now: () => number
  #last: { totals: Totals; at: number } | undefined
  #reading: Promise<Totals> | undefined

  /** @param now epoch milliseconds */
  constructor(records: RecordStore, now: () => number) {
    this.#records = records
    this.#now = now
  }

  /** Turns by the last reading; 0 before the first. */
  get lastTurns(): number {
    return this.#last?.totals.turns ?? 0
  }

  /** Reads them in the background if they are old. Never rejects. */
  renew(): void {
    if (this.#now() - (this.#last?.at ?? 0) < RENEW_MS) return
    this.read().catch(() => {})
  }

  async read(): Promise<Totals> {
    this.#reading ??= this.#sum().finally(() => {
      this.#reading = undefined
    })
    return await this.#reading
  }

  async #sum(): Promise<Totals> {
    const [totals, at] = [noTotals(), this.#now()]
    for await (const key of pendingScopes(this.#records)) {
      // The buffer of the scope logs invalid records.
      for await (const turn of scrollPending(this.#records, key, () => {})) count(totals, turn)
    }
    this.#last = { totals, at }
    return totals
  }
}

export function sumOf(turns: readonly PendingTurn[]): Totals {
  const totals = noTotals()
  for (const turn of turns) count(totals, turn)
  return totals
}

function noTotals(): Totals {
  return { turns: 0, failed: 0, tokens: 0, oldestAt: null }
}

function count(totals: Totals, { tokens, at, not_before }: PendingTurn): void {
  totals.turns += 1
  totals.failed += not_before === null ? 1 : 0
  totals.tokens += tokens
  totals.oldestAt = Math.min(totals.oldestAt ?? at, at)
}

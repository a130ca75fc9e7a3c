import type { PendingTurn } from '../../memory/model/pending.ts'
import { pendingScopes, scrollPending } from '../../memory/repositories/pending.ts'
import type { RecordStore } from '../../ports/records.ts'

/** Totals over the pending turns of all scopes. */
export interface PendingTotals {
  turns: number
  /** How many of the turns have failed for good. */
  failed: number
  tokens: number
  /** When the oldest turn was accepted, epoch milliseconds. */
  oldestAt: number | null
}

/** Age at which the totals are read again for the admission limit, milliseconds: a read scans all pending turns. */
const STALE_MS = 15_000

/** Totals of a store to which other sidecars add turns as well. */
export class StoredTotals {
  readonly #records: RecordStore
  readonly #now: () => number
  #last: { turns: number; at: number } | undefined
  #reading: Promise<PendingTotals> | undefined

  /** @param now epoch milliseconds */
  constructor(records: RecordStore, now: () => number) {
    this.#records = records
    this.#now = now
  }

  /** The number of turns at the last read; 0 before the first. */
  get lastTurns(): number {
    return this.#last?.turns ?? 0
  }

  /** Reads stale totals in the background. Never rejects. */
  renew(): void {
    if (this.#now() - (this.#last?.at ?? 0) >= STALE_MS) this.read().catch(() => {})
  }

  /** Concurrent callers share one read. */
  async read(): Promise<PendingTotals> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return await this.#reading
  }

  async #read(): Promise<PendingTotals> {
    const at = this.#now()
    const totals = await sumOfStored(storedTurns(this.#records))
    this.#last = { turns: totals.turns, at }
    return totals
  }
}

async function* storedTurns(records: RecordStore): AsyncGenerator<PendingTurn> {
  // The buffer of the scope logs invalid records.
  for await (const key of pendingScopes(records)) yield* scrollPending(records, key, () => {})
}

export async function sumOfStored(turns: AsyncIterable<PendingTurn>): Promise<PendingTotals> {
  const totals = { ...NONE }
  for await (const turn of turns) addTo(totals, turn)
  return totals
}

export function sumOf(turns: Iterable<PendingTurn>): PendingTotals {
  const totals = { ...NONE }
  for (const turn of turns) addTo(totals, turn)
  return totals
}

const NONE: PendingTotals = { turns: 0, failed: 0, tokens: 0, oldestAt: null }

function addTo(totals: PendingTotals, { tokens, at, not_before }: PendingTurn): void {
  totals.turns += 1
  totals.failed += not_before === null ? 1 : 0
  totals.tokens += tokens
  totals.oldestAt = Math.min(totals.oldestAt ?? at, at)
}

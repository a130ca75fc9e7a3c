export interface WriteFailure {
  /** Rows that are not written yet. */
  pending: number
  /** Rows dropped since the start. */
  lost: number
}

export interface BufferOptions {
  /** Called for every failed write. The rows stay pending and are retried. */
  onFailure?: (error: unknown, failure: WriteFailure) => void
  /** Milliseconds between writes; doubles with every failed write, up to 30 s. @default 1000 */
  writeEveryMs?: number
  /** Above this limit, the oldest rows are dropped: an outage of the store costs rows, not memory. @default 10000 */
  maxPending?: number
}

/** Maximum rows per write. */
const BATCH_SIZE = 500
const MAX_RETRY_MS = 30_000

/** Buffers rows and writes them in batches in the background. */
export class WriteBehind<T extends { id: string }> {
  readonly #write: (rows: readonly T[]) => Promise<void>
  readonly #options: BufferOptions
  /** By id, oldest first. */
  readonly #pending = new Map<string, T>()
  #lost = 0
  #failures = 0
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #lastFlush: Promise<void> = Promise.resolve()

  /** @param write writes all rows or none */
  constructor(write: (rows: readonly T[]) => Promise<void>, options: BufferOptions) {
    this.#write = write
    this.#options = options
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get lost(): number {
    return this.#lost
  }

  /** Oldest first. */
  get pending(): readonly T[] {
    return [...this.#pending.values()]
  }

  /** Buffers a row; replaces a pending row with the same id. Never throws: a row that cannot be made is lost. */
  add(makeRow: () => T | undefined): void {
    if (this.#isClosed) return
    try {
      const row = makeRow()
      if (row) this.#pending.set(row.id, row)
    } catch (error) {
      this.#lost += 1
      this.#reportFailure(error)
    }
    const { maxPending = 10_000 } = this.#options
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= maxPending) break
      this.#pending.delete(oldest)
      this.#lost += 1
    }
    if (this.#pending.size > 0) this.#schedule()
  }

  /** Replaces each pending row by the result, or removes it for `undefined`. Returns the number of changed rows. */
  update(change: (row: T) => T | undefined): number {
    let count = 0
    for (const [id, row] of this.#pending) {
      const changed = change(row)
      if (changed === row) continue
      count += 1
      if (changed) this.#pending.set(id, changed)
      else this.#pending.delete(id)
    }
    return count
  }

  /** Writes the rows that are pending now. Never rejects; rows that cannot be written stay pending. */
  flush(): Promise<void> {
    // Sequential, so that a flush resolves only after the rows of the previous one are written.
    this.#lastFlush = this.#lastFlush.then(() => this.#writeAll())
    return this.#lastFlush
  }

  /** Tries once to write the pending rows. Later rows are ignored. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #writeAll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // A fixed list: rows that arrive during a write go into the next scheduled one, so that load does not undo batching.
    const ids = [...this.#pending.keys()]
    for (let i = 0; i < ids.length; i += BATCH_SIZE) {
      const rows = ids.slice(i, i + BATCH_SIZE).flatMap((id) => this.#pending.get(id) ?? [])
      try {
        await this.#write(rows)
      } catch (error) {
        this.#failures += 1
        this.#reportFailure(error)
        break
      }
      this.#failures = 0
      // A row that was replaced during the write stays pending.
      for (const row of rows) if (this.#pending.get(row.id) === row) this.#pending.delete(row.id)
    }
    if (this.#pending.size > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#timer || this.#isClosed) return
    const { writeEveryMs = 1000 } = this.#options
    const delay = Math.min(writeEveryMs * 2 ** this.#failures, MAX_RETRY_MS)
    this.#timer = setTimeout(() => void this.flush(), delay)
    this.#timer.unref()
  }

  #reportFailure(error: unknown): void {
    try {
      this.#options.onFailure?.(error, { pending: this.#pending.size, lost: this.#lost })
    } catch {
      // A failing listener must not fail the caller or lose rows.
    }
  }
}

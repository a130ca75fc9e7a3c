export interface WriteTrouble {
  /** Rows that wait to be written. */
  waiting: number
  /** Rows that were given up since the start, as there were too many. */
  lost: number
}

export interface WriteBehindOptions<T> {
  /** Writes some rows, whole or not at all. */
  write: (rows: readonly T[]) => Promise<void>
  /** Told of every write that failed. The rows wait and are written later; the oldest go when there are too many. */
  onFailure?: ((error: unknown, trouble: WriteTrouble) => void) | undefined
  /** Milliseconds between writes. */
  everyMs: number
  /** Most rows that wait to be written: a store that is away for long costs rows, never memory. */
  maxWaiting: number
  /** Most rows of one write. */
  atOnce: number
}

/** Longest pause before a failed write is tried again, milliseconds. */
const MAX_PAUSE_MS = 30_000

/** Rows that are written in groups, apart from the work that they are about. */
export class WriteBehind<T extends { id: string }> {
  readonly #options: WriteBehindOptions<T>
  /** By id, the oldest first. */
  readonly #waiting = new Map<string, T>()
  #lost = 0
  #failures = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #tail: Promise<void> = Promise.resolve()

  constructor(options: WriteBehindOptions<T>) {
    this.#options = options
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get lost(): number {
    return this.#lost
  }

  /** Rows that are not written yet, the oldest first. */
  get waiting(): readonly T[] {
    return [...this.#waiting.values()]
  }

  /** Takes a row to be written; it replaces one that waits under the same id. Never throws and never waits. */
  put(row: T): void {
    if (this.#closed) return
    this.#waiting.set(row.id, row)
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#options.maxWaiting) break
      this.#waiting.delete(oldest)
      this.#lost += 1
    }
    this.#schedule()
  }

  /** Another row in the place of one that waits. */
  replace(row: T): void {
    if (this.#waiting.has(row.id)) this.#waiting.set(row.id, row)
  }

  /** A row that waits is not to be written. */
  remove(id: string): void {
    this.#waiting.delete(id)
  }

  /** A row that could not even be made. */
  lose(error: unknown): void {
    this.#lost += 1
    this.#tell(error)
  }

  /** Writes what waits at this moment. Never rejects: rows that cannot be written wait on. */
  flush(): Promise<void> {
    // One after another, so that a caller that comes second does not go on before the first is through.
    this.#tail = this.#tail.then(() => this.#write())
    return this.#tail
  }

  /** Writes what waits, once. Later rows are let go. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Those of now: under load more come during each write, and would make one write of the next without a pause.
    const ids = [...this.#waiting.keys()]
    for (let i = 0; i < ids.length; i += this.#options.atOnce) {
      const rows = ids.slice(i, i + this.#options.atOnce).flatMap((id) => this.#waiting.get(id) ?? [])
      try {
        await this.#options.write(rows)
      } catch (error) {
        this.#failures += 1
        this.#tell(error)
        break
      }
      this.#failures = 0
      // Unless another was put in its place, which is yet to be written.
      for (const row of rows) if (this.#waiting.get(row.id) === row) this.#waiting.delete(row.id)
    }
    if (this.#waiting.size > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return
    const pause = Math.min(this.#options.everyMs * 2 ** this.#failures, MAX_PAUSE_MS)
    this.#timer = setTimeout(() => void this.flush(), pause)
    this.#timer.unref()
  }

  #tell(error: unknown): void {
    try {
      this.#options.onFailure?.(error, { waiting: this.#waiting.size, lost: this.#lost })
    } catch {
      // Whoever cannot listen must not cost the rows, let alone the work that they are about.
    }
  }
}

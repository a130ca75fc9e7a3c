/**
 * Runs tasks of one key one after another, and tasks of different keys side by side: one writer per scope.
 * A failing task rejects its own promise only. Keys without work take no memory.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(task, task)
    this.#tails.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key)
    }
  }

  /** Resolves when all that was under way at the call has ended. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#tails.values())
  }
}

/** Runs tasks by key, one at a time: many who ask at once are answered by one run, which begins after they asked. */
export class NextRun<T> {
  readonly #next = new Map<string, Promise<T>>()
  readonly #running = new Map<string, Promise<T>>()

  async run(key: string, task: () => Promise<T>): Promise<T> {
    const next = this.#next.get(key) ?? this.#after(this.#running.get(key), key, task)
    this.#next.set(key, next)
    return await next
  }

  async #after(before: Promise<T> | undefined, key: string, task: () => Promise<T>): Promise<T> {
    await before?.catch(() => {})
    this.#next.delete(key)
    const running = task()
    this.#running.set(key, running)
    try {
      return await running
    } finally {
      if (this.#running.get(key) === running) this.#running.delete(key)
    }
  }
}

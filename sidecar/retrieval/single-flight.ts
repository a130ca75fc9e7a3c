/** Runs tasks one at a time per key. Calls that wait for the running task share one run, which starts after it. */
export class SingleFlight<T> {
  readonly #next = new Map<string, Promise<T>>()
  readonly #running = new Map<string, Promise<T>>()

  async run(key: string, task: () => Promise<T>): Promise<T> {
    const next = this.#next.get(key) ?? this.#startAfter(this.#running.get(key), key, task)
    this.#next.set(key, next)
    return await next
  }

  async #startAfter(previous: Promise<T> | undefined, key: string, task: () => Promise<T>): Promise<T> {
    await previous?.catch(() => {})
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

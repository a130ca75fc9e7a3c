import PQueue from 'p-queue'

/** Runs the tasks of each key one after another, in order. Idle keys use no memory. */
export class KeyedQueue {
  readonly #queues = new Map<string, PQueue>()

  /** @param signal aborting it rejects a task that has not started, with the signal's reason */
  async add<T>(key: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    let queue = this.#queues.get(key)
    if (!queue) {
      const created = new PQueue({ concurrency: 1 })
      created.on('idle', () => {
        if (this.#queues.get(key) === created) this.#queues.delete(key)
      })
      this.#queues.set(key, created)
      queue = created
    }
    return await queue.add(task, signal ? { signal } : {})
  }

  /** Resolves when no task is running or waiting. */
  async idle(): Promise<void> {
    await Promise.all(this.#queues.values().map((queue) => queue.onIdle()))
  }
}

import pTimeout from 'p-timeout'

/** Default time that `close` waits for active runs, milliseconds. */
export const DRAIN_MS = 5000

/** The active runs of this process, by key. */
export class ActiveRuns {
  readonly #runs = new Map<string, { controller: AbortController; done: Promise<unknown> }>()

  get size(): number {
    return this.#runs.size
  }

  has(key: string): boolean {
    return this.#runs.has(key)
  }

  /** Starts in a microtask, so that a caller that starts several runs sees all of them as active first. */
  async run<T>(key: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const result = Promise.resolve().then(() => task(controller.signal))
    this.#runs.set(key, { controller, done: result.catch(() => {}) })
    try {
      return await result
    } finally {
      this.#runs.delete(key)
    }
  }

  abortWhere(matches: (key: string) => boolean, reason: string): void {
    for (const [key, { controller }] of this.#runs) if (matches(key)) controller.abort(new Error(reason))
  }

  /** Aborts all runs. Returns whether they ended within `ms`. */
  async close(
    ms: number,
    customTimers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>,
  ): Promise<boolean> {
    for (const { controller } of this.#runs.values()) controller.abort(new Error('closing'))
    const allEnded = Promise.all([...this.#runs.values()].map(({ done }) => done)).then(() => true)
    return await pTimeout(allEnded, { milliseconds: ms, fallback: () => false, customTimers })
  }
}

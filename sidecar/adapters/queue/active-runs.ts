/** How long `close` waits for runs that were told to stop, milliseconds. */
export const DRAIN_MS = 5000

/** The runs under way in this process: told to stop by key, and waited for. */
export class Runs {
  readonly #running = new Map<string, { controller: AbortController; done: Promise<unknown> }>()

  get size(): number {
    return this.#running.size
  }

  has(key: string): boolean {
    return this.#running.has(key)
  }

  /** Begins in a moment: whoever starts several sees each of them as running first. */
  async run<T>(key: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const mine = Promise.resolve().then(() => task(controller.signal))
    this.#running.set(key, { controller, done: mine.catch(() => {}) })
    try {
      return await mine
    } finally {
      this.#running.delete(key)
    }
  }

  giveUpWhere(isMeant: (key: string) => boolean, reason: string): void {
    for (const [key, { controller }] of this.#running) if (isMeant(key)) controller.abort(new Error(reason))
  }

  /** Tells all to stop. Answers whether they had within `ms`. */
  async close(ms: number, timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>): Promise<boolean> {
    const ended = Promise.all([...this.#running.values()].map(({ done }) => done)).then(() => true)
    for (const { controller } of this.#running.values()) controller.abort(new Error('closing'))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = timers.setTimeout(() => resolve(false), ms)
    })
    try {
      return await Promise.race([ended, late])
    } finally {
      timers.clearTimeout(timer)
    }
  }
}

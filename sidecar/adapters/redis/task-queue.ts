import type { Hold } from '../../ports/scope-lock.ts'

export type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

/** A task that waits for its turn. */
export interface Waiter {
  /** Runs it; never rejects. Answers whether it has worked. */
  run: (hold: Hold) => Promise<boolean>
  refuse: (error: unknown) => void
}

/** The tasks of one scope in this process, in the order in which they came; each waits so long and no longer. */
export class Line {
  readonly #waiting: Waiter[] = []
  readonly #waitMs: number
  readonly #timers: Timers

  constructor(waitMs: number, timers: Timers) {
    this.#waitMs = waitMs
    this.#timers = timers
  }

  get length(): number {
    return this.#waiting.length
  }

  /** @param late what a task is refused with that has waited for too long */
  join<T>(task: (hold: Hold) => Promise<T>, late: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        const place = this.#waiting.indexOf(waiter)
        if (place >= 0) this.#waiting.splice(place, 1)
      }
      const timer = this.#timers.setTimeout(() => {
        leave()
        reject(late())
      }, this.#waitMs)
      const waiter: Waiter = {
        run: async (hold) => {
          this.#timers.clearTimeout(timer)
          try {
            resolve(await task(hold))
            return true
          } catch (error) {
            reject(error)
            return false
          }
        },
        refuse: (error) => {
          this.#timers.clearTimeout(timer)
          reject(error)
        },
      }
      this.#waiting.push(waiter)
    })
  }

  next(): Waiter | undefined {
    return this.#waiting.shift()
  }

  /** Refuses all that wait. */
  refuse(error: unknown): void {
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(error)
  }
}

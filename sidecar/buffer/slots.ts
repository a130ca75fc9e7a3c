/** Room for a bounded number of tasks at once; those that somebody waits for go first, else in order of arrival. */
export class Slots {
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async run<T>(task: () => Promise<T>, isUrgent: boolean): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((go) => (isUrgent ? this.#urgent : this.#patient).push(go))
    try {
      return await task()
    } finally {
      // Handed on rather than freed: nobody who comes at this moment gets in between.
      const next = this.#urgent.shift() ?? this.#patient.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}

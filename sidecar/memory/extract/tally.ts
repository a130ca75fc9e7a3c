/** Counts what was mended or left out of one answer, for its notes. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** Counts something that the caller leaves out. */
  leftOut(what: string): undefined {
    this.add(`${what} were left out`)
  }

  notes(): string[] {
    return [...this.#counts].map(([what, count]) => `${what}: ${count}`)
  }
}

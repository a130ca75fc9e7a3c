/** Counts the corrections made to one answer, for its notes. */
export class NoteCounter {
  readonly #counts = new Map<string, number>()

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  countOmitted(what: string): undefined {
    this.count(`${what} were left out`)
  }

  toNotes(): string[] {
    return [...this.#counts].map(([what, count]) => `${what}: ${count}`)
  }
}

import type { Question } from './dataset.ts'

/** Share of a question's evidence messages that were retrieved. */
export function evidenceRecall(question: Question, found: readonly string[]): number {
  const set = new Set(found)
  return question.evidence.filter((id) => set.has(id)).length / question.evidence.length
}

/** A running mean; `NaN` while empty. */
export class Mean {
  #sum = 0
  n = 0

  add(value: number): void {
    this.#sum += value
    this.n++
  }

  get value(): number {
    return this.#sum / this.n
  }
}

import type { Vocabulary } from './vocabulary.ts'

/** Occurrences of a term: parallel, unordered lists of slots and term frequencies. */
export interface PostingList {
  slots: number[]
  counts: number[]
}

const EMPTY: PostingList = { slots: [], counts: [] }

/** Inverted index of one field: posting list by term, and field length by slot. */
export class Postings {
  readonly #lists = new Map<string, PostingList>()
  readonly #terms = new Map<number, readonly string[]>()
  readonly #vocabulary: Vocabulary | undefined
  #length = 0

  /** @param vocabulary kept in sync with the indexed terms */
  constructor(vocabulary?: Vocabulary) {
    this.#vocabulary = vocabulary
  }

  add(slot: number, terms: readonly string[]): void {
    this.#terms.set(slot, terms)
    this.#length += terms.length
    for (const [term, count] of frequencies(terms)) {
      const list = this.#lists.get(term)
      if (list) {
        list.slots.push(slot)
        list.counts.push(count)
      } else {
        this.#lists.set(term, { slots: [slot], counts: [count] })
        this.#vocabulary?.add(term)
      }
    }
  }

  remove(slot: number): void {
    const terms = this.#terms.get(slot)
    if (!terms) return
    this.#terms.delete(slot)
    this.#length -= terms.length
    for (const term of new Set(terms)) {
      const list = this.#lists.get(term)
      if (!list) continue
      if (list.slots.length === 1) {
        this.#lists.delete(term)
        this.#vocabulary?.remove(term)
      } else removeAt(list, list.slots.indexOf(slot))
    }
  }

  get(term: string): PostingList {
    return this.#lists.get(term) ?? EMPTY
  }

  lengthOf(slot: number): number {
    return this.#terms.get(slot)?.length ?? 0
  }

  /** Mean number of terms per slot; 1 for an empty index, because it is a divisor. */
  get averageLength(): number {
    return this.#length > 0 ? this.#length / this.#terms.size : 1
  }

  get totalLength(): number {
    return this.#length
  }
}

function frequencies(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}

/** Moves the last element to the removed position, because the order is irrelevant. */
function removeAt(list: PostingList, at: number): void {
  const slot = list.slots.pop() as number
  const count = list.counts.pop() as number
  if (at < list.slots.length) {
    list.slots[at] = slot
    list.counts[at] = count
  }
}

import type { SparseVector } from '../../ports/records.ts'

/** Constant of reciprocal rank fusion, as Qdrant has it: the first of one signal outweighs the second of two. */
const RANK_CONSTANT = 2

/** The best of a stream by score, and by id among equals; holds no more than a few times as many. */
export class Best {
  readonly #limit: number
  #found: Scored[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(id: string, score: number): void {
    this.#found.push({ id, score })
    if (this.#found.length >= 2 * this.#limit + 64) this.#found = this.#best()
  }

  list(): string[] {
    return this.#best().map(({ id }) => id)
  }

  #best(): Scored[] {
    return this.#found.toSorted(byScore).slice(0, this.#limit)
  }
}

interface Scored {
  id: string
  score: number
}

/** Cosine, of vectors that are normalised. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** How much each term asked for counts, learned from the records that are searched. */
export class TermWeights {
  readonly #asked: Map<number, number>
  readonly #holders = new Map<number, number>()
  #records = 0

  constructor({ indices, values }: SparseVector) {
    this.#asked = new Map(Array.from(indices, (index, i) => [index, values[i] as number]))
  }

  /** Every record that is searched goes through here once, before the first is scored. */
  count(sparse: SparseVector): void {
    this.#records += 1
    for (const index of sparse.indices) {
      if (this.#asked.has(index)) this.#holders.set(index, (this.#holders.get(index) ?? 0) + 1)
    }
  }

  /** 0 for a record without any of the terms. */
  score({ indices, values }: SparseVector): number {
    let sum = 0
    for (let i = 0; i < indices.length; i += 1) {
      const weight = this.#asked.get(indices[i] as number)
      if (weight !== undefined) sum += weight * (values[i] as number) * this.#rarity(indices[i] as number)
    }
    return sum
  }

  #rarity(index: number): number {
    const holders = this.#holders.get(index) ?? 0
    return Math.log(1 + (this.#records - holders + 0.5) / (holders + 0.5))
  }
}

/** Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): what is high in any list is high in the answer. */
export function fuse(lists: readonly (readonly string[])[]): string[] {
  const scores = new Map<string, number>()
  for (const list of lists) {
    for (const [rank, id] of list.entries())
      scores.set(id, (scores.get(id) ?? 0) + 1 / (RANK_CONSTANT + rank))
  }
  return Array.from(scores, ([id, score]) => ({ id, score }))
    .sort(byScore)
    .map(({ id }) => id)
}

function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1)
}

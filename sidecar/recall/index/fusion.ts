/** A place and its fused score. */
export interface Scored {
  place: number
  score: number
}

/**
 * The best `limit` of a stream of scored places, best first; equal scores in the order of `before`. Keeps
 * a sorted list of `limit` only: most places fail its last element and cost one comparison.
 */
export class Best {
  readonly #limit: number
  readonly #before: (a: Scored, b: Scored) => boolean
  readonly #list: Scored[] = []

  constructor(limit: number, idOf: (place: number) => string) {
    this.#limit = limit
    this.#before = (a, b) => (a.score !== b.score ? a.score > b.score : idOf(a.place) < idOf(b.place))
  }

  add(scored: Scored): void {
    const list = this.#list
    if (list.length >= this.#limit) {
      const last = list.at(-1)
      if (!last || !this.#before(scored, last)) return
      list.pop()
    }
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#before(list[middle] as Scored, scored)) low = middle + 1
      else high = middle
    }
    list.splice(low, 0, scored)
  }

  list(): readonly Scored[] {
    return this.#list
  }
}

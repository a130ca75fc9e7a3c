/** Unit vectors as the rows of one matrix. The first row determines the dimensions. */
export class DenseMatrix {
  #rows = new Float32Array(0)
  #dimensions = 0

  get bytes(): number {
    return this.#rows.byteLength
  }

  /** @throws {RangeError} if the length differs from the first row's */
  check(vector: Float32Array): void {
    if (this.#dimensions !== 0 && vector.length !== this.#dimensions) {
      throw new RangeError(`dense: expected ${this.#dimensions} dimensions, got ${vector.length}`)
    }
  }

  set(slot: number, vector: Float32Array): void {
    this.check(vector)
    this.#dimensions = vector.length
    const needed = (slot + 1) * this.#dimensions
    if (needed > this.#rows.length) {
      const grown = new Float32Array(Math.max(needed, Math.ceil(this.#rows.length * 1.5)))
      grown.set(this.#rows)
      this.#rows = grown
    }
    this.#rows.set(vector, slot * this.#dimensions)
  }

  equals(slot: number, vector: Float32Array): boolean {
    const n = this.#dimensions
    if (vector.length !== n) return false
    for (let i = 0; i < n; i++) if (this.#rows[slot * n + i] !== vector[i]) return false
    return true
  }

  /** Dot product of the row with `query`. Four independent sums are faster than one. */
  dot(slot: number, query: Float32Array): number {
    const rows = this.#rows
    const n = this.#dimensions
    const start = slot * n
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    let i = 0
    for (; i + 3 < n; i += 4) {
      const at = start + i
      a += (rows[at] as number) * (query[i] as number)
      b += (rows[at + 1] as number) * (query[i + 1] as number)
      c += (rows[at + 2] as number) * (query[i + 2] as number)
      d += (rows[at + 3] as number) * (query[i + 3] as number)
    }
    for (; i < n; i++) a += (rows[start + i] as number) * (query[i] as number)
    return a + b + (c + d)
  }
}

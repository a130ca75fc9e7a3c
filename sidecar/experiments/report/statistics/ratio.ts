/**
 * Running sums over units of a ratio, such as tokens per turn or the mean of an outcome: y is the sum and n the number
 * of values of a unit. Values of one unit may depend on each other, so all variation is measured between units.
 */
export class RatioSums {
  /** Units with at least one value. */
  units = 0
  y = 0
  n = 0
  #yy = 0
  #yn = 0
  #nn = 0
  #y4 = 0
  #y3n = 0
  #yyn2 = 0
  #yn3 = 0
  #n4 = 0

  add(y: number, n: number): void {
    if (!(n > 0) || !Number.isFinite(y) || !Number.isFinite(n)) return
    const [yy, yn, nn] = [y * y, y * n, n * n]
    this.units++
    this.y += y
    this.n += n
    this.#yy += yy
    this.#yn += yn
    this.#nn += nn
    this.#y4 += yy * yy
    this.#y3n += yy * yn
    this.#yyn2 += yn * yn
    this.#yn3 += yn * nn
    this.#n4 += nn * nn
  }

  /** Mean of all values; `NaN` without any. */
  get ratio(): number {
    return this.y / this.n
  }

  /** Sum over the units of (y - ratio·n)². */
  squaredResiduals(ratio: number): number {
    const squares = this.#yy - 2 * ratio * this.#yn + ratio ** 2 * this.#nn
    // The subtraction leaves rounding errors of about 1e-16 of its operands.
    return squares > 1e-12 * this.#yy ? squares : 0
  }

  /** Sum over the units of (y - ratio·n)⁴. */
  fourthResiduals(ratio: number): number {
    const even = this.#y4 + 6 * ratio ** 2 * this.#yyn2 + ratio ** 4 * this.#n4
    return Math.max(0, even - 4 * ratio * this.#y3n - 4 * ratio ** 3 * this.#yn3)
  }

  /** Variance of `ratio` by the delta method; `NaN` below two units. */
  get variance(): number {
    if (this.units < 2) return Number.NaN
    return (this.squaredResiduals(this.ratio) * this.units) / (this.units - 1) / this.n ** 2
  }
}

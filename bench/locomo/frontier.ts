import type { PriceModel } from '../../sidecar/experiments/price.ts'
import type { Measured } from './measured.ts'

/** Recall of `per_query` as a function of billed tokens: linear interpolation between its measured settings. */
export class Curve {
  readonly #points: readonly { recall: number; billed: number }[]
  readonly #model: PriceModel
  readonly #conversation: string | undefined

  /** @param settings measured `per_query` settings in ascending order of billed tokens */
  constructor(settings: readonly Measured[], model: PriceModel, conversation?: string) {
    this.#model = model
    this.#conversation = conversation
    this.#points = settings.map((one) => ({
      ...{ recall: one.recall({ conversation }), billed: one.bill(model, conversation).billed },
    }))
  }

  /** Recall at a number of billed tokens; `NaN` outside the measured range. */
  at(billed: number): number {
    const above = this.#points.findIndex((one) => one.billed >= billed)
    const [low, high] = [this.#points[above - 1], this.#points[above]]
    if (!low || !high) return Number.NaN
    return low.recall + ((high.recall - low.recall) * (billed - low.billed)) / (high.billed - low.billed)
  }

  /** Recall of another strategy, relative to `per_query` at the same number of billed tokens. */
  ratio(other: Measured): number {
    const conversation = this.#conversation
    return other.recall({ conversation }) / this.at(other.bill(this.#model, conversation).billed)
  }
}

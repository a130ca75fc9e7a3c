import type { Measured } from './measured.ts'
import type { PriceModel } from './price.ts'

/** What `per_query` finds for a price: its settings, joined by straight lines. */
export class Curve {
  readonly #points: readonly { recall: number; billed: number }[]
  readonly #model: PriceModel
  readonly #conversation: string | undefined

  /** @param settings of `per_query`, by what they bill */
  constructor(settings: readonly Measured[], model: PriceModel, conversation?: string) {
    this.#model = model
    this.#conversation = conversation
    this.#points = settings.map((one) => ({
      ...{ recall: one.recall({ conversation }), billed: one.bill(model, conversation).billed },
    }))
  }

  /** `NaN` below the least and above the greatest of the settings. */
  at(billed: number): number {
    const above = this.#points.findIndex((one) => one.billed >= billed)
    const [low, high] = [this.#points[above - 1], this.#points[above]]
    if (!low || !high) return Number.NaN
    return low.recall + ((high.recall - low.recall) * (billed - low.billed)) / (high.billed - low.billed)
  }

  /** What a setting of another strategy finds, against what `per_query` finds for as many billed tokens. */
  ratio(other: Measured): number {
    const conversation = this.#conversation
    return other.recall({ conversation }) / this.at(other.bill(this.#model, conversation).billed)
  }
}

import { costOf, type PriceList } from '../../sidecar/insight/ledger/prices.ts'
import type { LedgerEntry } from '../../sidecar/ports/ledger.ts'

/** Sums the calls of a run. */
export class CostMeter {
  readonly #prices: PriceList
  #cost: number | null = 0
  tokensIn = 0
  tokensOut = 0

  constructor(prices: PriceList) {
    this.#prices = prices
  }

  readonly record = (
    entry: Pick<LedgerEntry, 'model' | 'tokensIn' | 'tokensOut' | 'tokensCached' | 'outcome'>,
  ): void => {
    const { model, tokensIn: tokens_in, tokensOut: tokens_out, tokensCached: tokens_cached, outcome } = entry
    const cost = costOf({ model, tokens_in, tokens_out, tokens_cached, outcome }, this.#prices)
    this.#cost = this.#cost === null || cost === null ? null : this.#cost + cost
    this.tokensIn += tokens_in
    this.tokensOut += tokens_out
  }

  /** `12,300 tokens in, 400 out, cost 0.0123`, in the currency of PRICES. */
  toString(): string {
    const [tokensIn, tokensOut] = [this.tokensIn, this.tokensOut].map((count) => count.toLocaleString('en'))
    const cost =
      this.#cost === null ? 'cost unknown: the model has no price in PRICES' : `cost ${this.#cost.toFixed(4)}`
    return `${tokensIn} tokens in, ${tokensOut} out, ${cost}`
  }
}

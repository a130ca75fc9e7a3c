/** What a model costs, in one currency, per million tokens. */
export interface Price {
  in: number
  out: number
  /** Of a prompt token that the provider had cached; that of `in`, if absent. */
  cached?: number | undefined
}

/** By model name; the longest name that the model's begins with counts, so `gpt-4o-mini` covers its dated versions. */
export type PriceList = Readonly<Record<string, Price>>

/** The cost of a call, or `null` for a model without a price: unknown is not free. */
export function costOf(
  call: { model: string; tokensIn: number; tokensOut: number; tokensCached: number },
  prices: PriceList,
): number | null {
  const name = Object.keys(prices)
    .filter((one) => call.model.startsWith(one))
    .sort((a, b) => b.length - a.length)[0]
  const price = name === undefined ? undefined : prices[name]
  if (!price) return null
  const fresh = call.tokensIn - call.tokensCached
  return (
    (fresh * price.in + call.tokensCached * (price.cached ?? price.in) + call.tokensOut * price.out) / 1e6
  )
}

/** Spearman's rank correlation; equal values share their mean rank. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranksOf(a), ranksOf(b)]
  const mean = (a.length + 1) / 2
  const covariance = x.reduce((sum, rank, i) => sum + (rank - mean) * ((y[i] as number) - mean), 0)
  const spread = (ranks: readonly number[]) =>
    Math.sqrt(ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0))
  return covariance / (spread(x) * spread(y))
}

function ranksOf(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b)
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1)
}

import type { StrategyResult } from '../retrieval/strategies/request.ts'

/** Ids of the memories by descending score, because the order in a block is not a ranking. */
export function rankedIds({ memories }: Pick<StrategyResult, 'memories'>): string[] {
  return memories.toSorted((a, b) => b.score - a.score).map(({ memory }) => memory.id)
}

/** Persistence of rank-biased overlap: the first ten ranks carry 86 % of the weight. */
const PERSISTENCE = 0.9

/**
 * Share of the first `k` of `reference` that `injected` contains, 0…1; 1 for an empty reference. All of `injected`
 * counts, because a prompt shows a block as a whole.
 */
export function overlapAt(k: number, reference: readonly string[], injected: Iterable<string>): number {
  const top = reference.slice(0, k)
  if (top.length === 0) return 1
  const shown = new Set(injected)
  return top.filter((id) => shown.has(id)).length / top.length
}

/**
 * Rank-biased overlap of two rankings without repeated items, 0…1, extrapolated beyond the shorter one: Webber, Moffat
 * and Zobel 2010, equation 32. 1 for two empty rankings.
 */
export function rankBiasedOverlap(a: readonly string[], b: readonly string[], p = PERSISTENCE): number {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a]
  if (long.length === 0) return 1
  if (short.length === 0) return 0
  const seenShort = new Set<string>()
  const seenLong = new Set<string>()
  let common = 0
  let commonAtShort = 0
  let sum = 0
  for (let depth = 1; depth <= long.length; depth++) {
    const next = long[depth - 1] as string
    const other = short[depth - 1]
    seenLong.add(next)
    if (seenShort.has(next)) common += 1
    if (other !== undefined) {
      seenShort.add(other)
      if (seenLong.has(other)) common += 1
    }
    if (depth === short.length) commonAtShort = common
    sum += (common / depth) * p ** depth
    if (depth > short.length) {
      sum += ((commonAtShort * (depth - short.length)) / (short.length * depth)) * p ** depth
    }
  }
  const [s, l] = [short.length, long.length]
  const tail = ((common - commonAtShort) / l + commonAtShort / s) * p ** l
  return ((1 - p) / p) * sum + tail
}

import type { Moments, UnitSummary } from '../model.ts'
import { LatencySums } from './latency.ts'
import { RatioSums } from './statistics/ratio.ts'

/** Values of one outcome in one arm. */
export class OutcomeSums extends RatioSums {
  /** Whether all values lie within 0…1. */
  isShare = true

  addMoments({ n, sum, squares }: Moments): void {
    this.add(sum, n)
    // Values within 0…1 have 0 ≤ squares ≤ sum ≤ n, up to rounding.
    if (n > 0 && !(sum >= squares - 1e-9 && sum <= n + 1e-9)) this.isShare = false
  }
}

interface ShadowSums {
  n: number
  overlap: number
  rbo: number
  missed: number
  tokens: number
}

/** Sums over the units of one arm, in memory proportional to the units. */
export class ArmTotals {
  units = 0
  readonly turns = new Sum()
  readonly prefixTokens = new Sum()
  readonly parts = { embed: new Sum(), search: new Sum(), render: new Sum() }
  readonly hits = new RatioSums()
  readonly empty = new RatioSums()
  readonly degraded = new RatioSums()
  readonly tokens = new RatioSums()
  readonly billedTokens = new RatioSums()
  readonly totalMs = new RatioSums()
  readonly latency = new LatencySums()
  /** Recalls by `result.reason`. */
  readonly cache = new Map<string, number>()
  readonly shadow = new Map<string, ShadowSums>()
  readonly overlapByAge = new Map<number, { n: number; overlap: number }>()
  readonly outcomes = new Map<string, OutcomeSums>()

  add(unit: UnitSummary): void {
    const { turns } = unit
    this.units++
    this.turns.add(turns)
    this.prefixTokens.add(unit.prefix_tokens)
    this.parts.embed.add(unit.took_ms.embed)
    this.parts.search.add(unit.took_ms.search)
    this.parts.render.add(unit.took_ms.render)
    this.empty.add(unit.empty, turns)
    this.degraded.add(unit.degraded, turns)
    this.tokens.add(unit.tokens.sum, turns)
    this.billedTokens.add(unit.billed_tokens.sum, turns)
    this.totalMs.add(unit.took_ms.total, turns)
    this.latency.add(unit.latency)
    this.#addCache(unit.cache)
    for (const arm in unit.shadow) this.#addShadow(arm, unit.shadow[arm] ?? NO_SHADOW)
    for (const age in unit.overlap_by_age) {
      const { n = 0, overlap = 0 } = unit.overlap_by_age[age] ?? {}
      const sums = entry(this.overlapByAge, Number(age), () => ({ n: 0, overlap: 0 }))
      sums.n += n
      sums.overlap += overlap
    }
    for (const name in unit.outcomes) {
      const moments = unit.outcomes[name]
      if (moments) this.outcome(name).addMoments(moments)
    }
  }

  outcome(name: string): OutcomeSums {
    return entry(this.outcomes, name, () => new OutcomeSums())
  }

  #addCache(cache: UnitSummary['cache']): void {
    let hits = 0
    let lookups = 0
    for (const key in cache) {
      const turns = cache[key] ?? 0
      this.cache.set(key, (this.cache.get(key) ?? 0) + turns)
      if (key.startsWith('hit')) hits += turns
      if (!key.startsWith('none')) lookups += turns
    }
    this.hits.add(hits, lookups)
  }

  #addShadow(arm: string, comparison: ShadowSums): void {
    const sums = entry(this.shadow, arm, () => ({ ...NO_SHADOW }))
    sums.n += comparison.n
    sums.overlap += comparison.overlap
    sums.rbo += comparison.rbo
    sums.missed += comparison.missed
    sums.tokens += comparison.tokens
  }
}

const NO_SHADOW: ShadowSums = { n: 0, overlap: 0, rbo: 0, missed: 0, tokens: 0 }

/** A sum that leaves out values that are not numbers. */
class Sum {
  value = 0

  add(value: number): void {
    if (Number.isFinite(value)) this.value += value
  }
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = create()
    map.set(key, value)
  }
  return value
}

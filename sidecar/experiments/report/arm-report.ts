import type { Arm } from '../model.ts'
import type { ArmTotals } from './arm-totals.ts'
import type { Comparisons } from './comparisons.ts'
import type { ArmReport, Estimate } from './schema.ts'
import type { Settings } from './settings.ts'
import { meanEstimate, shareEstimate, toFinite, UNKNOWN } from './statistics/intervals.ts'

interface ArmContext {
  isBaseline: boolean
  comparisons: Comparisons
  settings: Settings
}

export function toArmReport(
  { name, strategy, weight }: Arm,
  totals: ArmTotals,
  { isBaseline, comparisons, settings }: ArmContext,
): ArmReport {
  const { confidence, pricePerMillionTokens } = settings
  const turns = totals.turns.value
  const billed = meanEstimate(totals.billedTokens, confidence)
  return {
    name,
    strategy,
    is_baseline: isBaseline,
    weight,
    units: totals.units,
    turns,
    latency_ms: {
      mean: meanEstimate(totals.totalMs, confidence),
      p50: totals.latency.quantile(0.5, confidence),
      p95: totals.latency.quantile(0.95, confidence),
      p99: totals.latency.quantile(0.99, confidence),
      parts:
        turns > 0
          ? {
              embed: totals.parts.embed.value / turns,
              search: totals.parts.search.value / turns,
              render: totals.parts.render.value / turns,
            }
          : null,
      histogram: totals.latency.histogram,
    },
    cache: { hit_rate: shareEstimate(totals.hits, confidence), results: toResults(totals.cache) },
    empty_rate: shareEstimate(totals.empty, confidence),
    degraded_rate: shareEstimate(totals.degraded, confidence),
    tokens_per_turn: meanEstimate(totals.tokens, confidence),
    billed_tokens_per_turn: billed,
    cost_per_turn: pricePerMillionTokens === null ? null : scaled(billed, pricePerMillionTokens / 1e6),
    prefix_reuse: toFinite(totals.prefixTokens.value / totals.tokens.y),
    shadow: [...totals.shadow]
      .filter(([, { n }]) => n > 0)
      .map(([arm, { n, overlap, rbo, missed, tokens }]) => ({
        arm,
        turns: n,
        overlap: overlap / n,
        rbo: rbo / n,
        missed: missed / n,
        tokens: tokens / n,
      })),
    overlap_by_age: [...totals.overlapByAge]
      .filter(([, { n }]) => n > 0)
      .map(([age, { n, overlap }]) => ({ age, turns: n, overlap: overlap / n }))
      .sort((a, b) => a.age - b.age),
    outcomes: comparisons.outcomeNames().map((outcome) => {
      const sums = totals.outcomes.get(outcome)
      const toEstimate = comparisons.isShare(outcome) ? shareEstimate : meanEstimate
      return {
        name: outcome,
        units: sums?.units ?? 0,
        values: sums?.n ?? 0,
        mean: sums ? toEstimate(sums, confidence) : UNKNOWN,
      }
    }),
  }
}

function toResults(cache: ReadonlyMap<string, number>): ArmReport['cache']['results'] {
  const total = [...cache.values()].reduce((sum, turns) => sum + turns, 0)
  return [...cache]
    .filter(([, turns]) => turns > 0)
    .map(([key, turns]) => {
      const dot = key.indexOf('.')
      const [result, reason] = dot < 0 ? [key, ''] : [key.slice(0, dot), key.slice(dot + 1)]
      return { result, reason, turns, share: turns / total }
    })
    .sort((a, b) => b.turns - a.turns)
}

function scaled({ value, low, high }: Estimate, factor: number): Estimate {
  const scale = (number: number | null) => (number === null ? null : number * factor)
  return { value: scale(value), low: scale(low), high: scale(high) }
}

import type { ArmReport, Estimate, Report } from '../schema.ts'

/** One number of an arm as all formats show it. */
export interface ArmRow {
  label: string
  /** Whether the label is the name of an outcome, which a caller chose. */
  isOutcome?: boolean
  /** How the number is printed. */
  as: 'number' | 'percent'
  estimate: Estimate
}

/** The numbers of an arm in the order of the report. */
export function rowsOf(arm: ArmReport): ArmRow[] {
  const { latency_ms: latency, cache, prefix_reuse: reuse } = arm
  const exact = (value: number | null): Estimate => ({ value, low: null, high: null })
  const rows: ArmRow[] = [
    { label: 'latency p50, ms', as: 'number', estimate: latency.p50 },
    { label: 'latency p95, ms', as: 'number', estimate: latency.p95 },
    { label: 'latency p99, ms', as: 'number', estimate: latency.p99 },
    { label: 'latency mean, ms', as: 'number', estimate: latency.mean },
    { label: 'hit rate', as: 'percent', estimate: cache.hit_rate },
    { label: 'empty', as: 'percent', estimate: arm.empty_rate },
    { label: 'degraded', as: 'percent', estimate: arm.degraded_rate },
    { label: 'tokens per turn', as: 'number', estimate: arm.tokens_per_turn },
    { label: 'billed tokens per turn', as: 'number', estimate: arm.billed_tokens_per_turn },
    { label: 'prefix reuse', as: 'percent', estimate: exact(reuse) },
    ...arm.outcomes.map(({ name, mean }) => ({
      ...{ label: name, isOutcome: true },
      as: 'number' as const,
      estimate: mean,
    })),
  ]
  if (arm.cost_per_turn) rows.push({ label: 'cost per turn', as: 'number', estimate: arm.cost_per_turn })
  return rows
}

/** Results and reasons of the cache in all arms, most frequent first. */
export function cacheKeys({ arms }: Report): { result: string; reason: string }[] {
  const turns = new Map<string, { result: string; reason: string; turns: number }>()
  for (const row of arms.flatMap(({ cache }) => cache.results)) {
    const key = `${row.result}.${row.reason}`
    turns.set(key, { ...row, turns: row.turns + (turns.get(key)?.turns ?? 0) })
  }
  return [...turns.values()].sort((a, b) => b.turns - a.turns)
}

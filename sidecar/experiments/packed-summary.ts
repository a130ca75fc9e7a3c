import { toBuckets } from './latency-buckets.ts'
import type { Moments, UnitSummary } from './model.ts'

/*
 * Also read in the thread that computes a report, so it imports no schemas: to load them would take a tenth of a second.
 */

type FlatMoments = readonly [n: number, sum: number, squares: number]

/** The fields of a summary in a fixed order: without their names, a report parses 100,000 of them in half the time. */
type FlatSummary = ReturnType<typeof toFlat>

/** As earlier versions stored a summary; the latency of each bucket was a field. */
type NamedSummary = Omit<UnitSummary, 'latency'> & { latency: Record<string, number> }

/** @returns one line of JSON */
export function packSummary(summary: UnitSummary): string {
  return JSON.stringify(toFlat(summary))
}

/** Not validated, because only `packSummary` and earlier versions of it write packed summaries. */
export function unpackSummary(line: string): UnitSummary {
  const stored: FlatSummary | NamedSummary = JSON.parse(line)
  return 'latency' in stored ? { ...stored, latency: toBuckets(stored.latency) } : fromFlat(stored)
}

function toFlat({ took_ms: took, ...summary }: UnitSummary) {
  return [
    summary.arm,
    summary.assigned_at,
    summary.turns,
    summary.cache,
    summary.degraded,
    summary.empty,
    toFlatMoments(summary.tokens),
    toFlatMoments(summary.billed_tokens),
    summary.prefix_tokens,
    summary.latency,
    [took.embed, took.search, took.render, took.total] as const,
    summary.shadow,
    summary.overlap_by_age,
    Object.entries(summary.outcomes).map(([name, moments]) => [name, toFlatMoments(moments)] as const),
  ] as const
}

function fromFlat(flat: FlatSummary): UnitSummary {
  const [embed, search, render, total] = flat[10]
  return {
    arm: flat[0],
    assigned_at: flat[1],
    turns: flat[2],
    cache: flat[3],
    degraded: flat[4],
    empty: flat[5],
    tokens: fromFlatMoments(flat[6]),
    billed_tokens: fromFlatMoments(flat[7]),
    prefix_tokens: flat[8],
    latency: flat[9],
    took_ms: { embed, search, render, total },
    shadow: flat[11],
    overlap_by_age: flat[12],
    outcomes: Object.fromEntries(flat[13].map(([name, moments]) => [name, fromFlatMoments(moments)])),
  }
}

function toFlatMoments({ n, sum, squares }: Moments): FlatMoments {
  return [n, sum, squares]
}

function fromFlatMoments([n, sum, squares]: FlatMoments): Moments {
  return { n, sum, squares }
}

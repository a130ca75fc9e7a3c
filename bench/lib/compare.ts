import type { Request } from './connection.ts'
import { sendAll } from './load.ts'
import { percentile } from './statistics.ts'
import { table } from './table.ts'

export interface Variant {
  name: string
  url: string
  /** Sent round-robin. */
  requests: readonly Request[]
}

export interface CompareOptions {
  /** Requests per server and round. */
  requests: number
  /** Open connections while throughput is measured; latency is measured with one. */
  connections: number
  rounds: number
}

/**
 * Loads two servers alternately and prints throughput, latency and their ratios. Each ratio is the median of the
 * ratios within one round, so that other load on the machine affects both servers alike.
 */
export async function compare(
  variants: readonly [sidecar: Variant, baseline: Variant],
  { requests, connections, rounds }: CompareOptions,
): Promise<void> {
  const results = variants.map((variant) => ({
    variant,
    perSecond: [] as number[],
    tookMs: [] as number[],
    p50Ms: [] as number[],
  }))
  const [sidecar, baseline] = results as [(typeof results)[number], (typeof results)[number]]
  for (const { variant } of results) await sendAll(variant.url, variant.requests, { requests, connections })
  for (let round = 0; round < rounds; round++) {
    for (const { variant, perSecond, tookMs, p50Ms } of round % 2 === 0 ? results : results.toReversed()) {
      perSecond.push((await sendAll(variant.url, variant.requests, { requests, connections })).perSecond)
      const sequential = { requests: Math.ceil(requests / 4), connections: 1 }
      const latency = await sendAll(variant.url, variant.requests, sequential)
      tookMs.push(...latency.tookMs)
      p50Ms.push(percentile(latency.tookMs, 0.5))
    }
  }
  console.log(
    table([
      ['', `requests/s, ${connections} connections`, 'p50 ms, 1 connection', 'p99 ms, 1 connection'],
      ...results.map(({ variant, perSecond, tookMs }) => [
        variant.name,
        percentile(perSecond, 0.5).toFixed(0),
        percentile(tookMs, 0.5).toFixed(3),
        percentile(tookMs, 0.99).toFixed(3),
      ]),
    ]),
  )
  console.log(
    `\nratio of throughput, sidecar / minimal handler: ${medianRatio(sidecar.perSecond, baseline.perSecond)} × (goal: ≥ 0.4)`,
  )
  console.log(
    `ratio of p50, sidecar / minimal handler: ${medianRatio(sidecar.p50Ms, baseline.p50Ms)} × (goal: ≤ 2.5)`,
  )
}

function medianRatio(ours: readonly number[], theirs: readonly number[]): string {
  return percentile(
    ours.map((value, round) => value / (theirs[round] as number)),
    0.5,
  ).toFixed(2)
}

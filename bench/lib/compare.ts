import type { Request } from './connection.ts'
import { load } from './load.ts'
import { percentile } from './statistics.ts'
import { table } from './table.ts'

export interface Variant {
  name: string
  url: string
  /** Asked in turn. */
  requests: readonly Request[]
}

/**
 * Loads two servers in turn, and prints what each answered in a second and how long one request took, and the ratios:
 * the middle of those within a round, so that what else the machine does meanwhile counts for both.
 */
export async function compare(
  variants: readonly [ours: Variant, bare: Variant],
  { requests, connections, rounds }: { requests: number; connections: number; rounds: number },
): Promise<void> {
  const perSecond = new Map(variants.map(({ name }) => [name, [] as number[]]))
  const alone = new Map(variants.map(({ name }) => [name, [] as number[]]))
  const p50s = new Map(variants.map(({ name }) => [name, [] as number[]]))
  for (const { url, requests: all } of variants) await load(url, all, { requests, connections })
  for (let round = 0; round < rounds; round++) {
    for (const { name, url, requests: all } of round % 2 === 0 ? variants : [...variants].reverse()) {
      perSecond.get(name)?.push((await load(url, all, { requests, connections })).perSecond)
      const { tookMs } = await load(url, all, { requests: Math.ceil(requests / 4), connections: 1 })
      alone.get(name)?.push(...tookMs)
      p50s.get(name)?.push(percentile(tookMs, 0.5))
    }
  }
  const ms = (name: string, p: number) => percentile(alone.get(name) ?? [], p).toFixed(3)
  console.log(
    table([
      ['', `requests/s, ${connections} connections`, 'p50 ms, 1 connection', 'p99 ms'],
      ...variants.map(({ name }) => [
        name,
        percentile(perSecond.get(name) ?? [], 0.5).toFixed(0),
        ms(name, 0.5),
        ms(name, 0.99),
      ]),
    ]),
  )
  const ratio = (of: Map<string, number[]>) => {
    const [ours, bare] = variants.map(({ name }) => of.get(name) ?? []) as [number[], number[]]
    return percentile(
      ours.map((one, round) => one / (bare[round] as number)),
      0.5,
    ).toFixed(2)
  }
  console.log(`\nthroughput, ours / bare: ${ratio(perSecond)} (goal: at least 0.6)`)
  console.log(`p50, ours / bare: ${ratio(p50s)} (goal: at most 2)`)
}

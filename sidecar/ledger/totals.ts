import { invalid } from '../errors.ts'
import { costOf, type PriceList } from './prices.ts'
import type { LedgerRow } from './rows.ts'

export const GROUPINGS = ['user', 'conversation', 'turn', 'purpose', 'model', 'day', 'arm'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface Totals {
  /** Requests that were sent, each try of a call by itself. */
  calls: number
  failed: number
  tokens_in: number
  tokens_out: number
  /** Of `tokens_in`. */
  tokens_cached: number
  latency_ms: number
  /** Those of `calls` that were a further try. */
  retries: number
  /** In the currency of the prices; `null` where the cost of a call is not known. */
  cost: number | null
}

export type GroupKey = Record<string, string | number | null>

export interface LedgerSums {
  totals: Totals
  /** In the order of their keys. */
  groups: (Totals & { key: GroupKey })[]
  /** Models whose calls have no known cost, at most `MAX_UNPRICED` of them. */
  unpriced: string[]
}

/** Most groups of one answer: what is summed stays in memory. */
export const MAX_GROUPS = 10_000
const MAX_UNPRICED = 100

/** Sums rows one by one. `add` throws `invalid_request` when they fall into more than `MAX_GROUPS` groups. */
export function summing(groupBy: readonly Grouping[], prices: PriceList) {
  const totals = none()
  const groups = new Map<string, Totals & { key: GroupKey }>()
  const unpriced = new Set<string>()
  return {
    add(row: LedgerRow): void {
      const cost = costOf(
        {
          model: row.model,
          tokensIn: row.tokens_in,
          tokensOut: row.tokens_out,
          tokensCached: row.tokens_cached,
          ok: row.outcome === 'ok',
        },
        prices,
      )
      if (cost === null && unpriced.size < MAX_UNPRICED) unpriced.add(row.model)
      count(totals, row, cost)
      if (groupBy.length > 0) count(groupOf(row), row, cost)
    },
    sums(): LedgerSums {
      const sorted = [...groups.values()].sort((a, b) => compareKeys(a.key, b.key, groupBy))
      return { totals: rounded(totals), groups: sorted.map(rounded), unpriced: [...unpriced].sort() }
    },
  }

  function groupOf(row: LedgerRow): Totals {
    const values = groupBy.map((one) => KEYS[one](row))
    const name = JSON.stringify(values)
    const found = groups.get(name)
    if (found) return found
    if (groups.size >= MAX_GROUPS) {
      throw invalid(
        'group_by',
        `at most ${MAX_GROUPS} groups: narrow the calls with from and to, or group by less`,
        groupBy.join(','),
      )
    }
    const group = { key: Object.fromEntries(groupBy.map((one, i) => [one, values[i] ?? null])), ...none() }
    groups.set(name, group)
    return group
  }
}

const KEYS: Record<Grouping, (row: LedgerRow) => string | number | null> = {
  user: (row) => row.user_id,
  conversation: (row) => row.conversation_id,
  turn: (row) => row.turn,
  purpose: (row) => row.purpose,
  model: (row) => row.model,
  /** UTC. */
  day: (row) => new Date(row.at).toISOString().slice(0, 10),
  arm: (row) => row.arm,
}

function none(): Totals {
  return {
    calls: 0,
    failed: 0,
    tokens_in: 0,
    tokens_out: 0,
    tokens_cached: 0,
    latency_ms: 0,
    retries: 0,
    cost: 0,
  }
}

function count(totals: Totals, row: LedgerRow, cost: number | null): void {
  totals.calls += 1
  if (row.outcome !== 'ok') totals.failed += 1
  totals.tokens_in += row.tokens_in
  totals.tokens_out += row.tokens_out
  totals.tokens_cached += row.tokens_cached
  totals.latency_ms += row.latency_ms
  // Each try is a row and says how many went before it, so the further ones are counted, not summed.
  if (row.retries > 0) totals.retries += 1
  totals.cost = totals.cost === null || cost === null ? null : totals.cost + cost
}

/** Without the dust of adding fractions: prices and tokens have fewer digits than these. */
function rounded<T extends Totals>(totals: T): T {
  return { ...totals, cost: totals.cost === null ? null : Number(totals.cost.toPrecision(12)) }
}

/** Numbers by size, texts by code unit, what is not known first. */
function compareKeys(a: GroupKey, b: GroupKey, groupBy: readonly Grouping[]): number {
  for (const one of groupBy) {
    const [left, right] = [a[one] ?? null, b[one] ?? null]
    if (left === right) continue
    if (left === null || right === null) return left === null ? -1 : 1
    return left < right ? -1 : 1
  }
  return 0
}

import { invalid } from '../../ports/errors.ts'
import { costOf, type PriceList } from './prices.ts'
import type { LedgerRow } from './rows.ts'

export const GROUPINGS = ['user', 'conversation', 'turn', 'purpose', 'model', 'day', 'arm'] as const
export type Grouping = (typeof GROUPINGS)[number]

type GroupKey = Record<string, string | number | null>

export interface LedgerSums {
  totals: Totals
  /** Sorted by key. */
  groups: (Totals & { key: GroupKey })[]
  /** Models with calls of unknown cost, at most `MAX_UNPRICED`. */
  unpriced: string[]
}

/** Groups are kept in memory. */
const MAX_GROUPS = 10_000
const MAX_UNPRICED = 100

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

/** Sums rows in total and by group. */
export class LedgerTotals {
  readonly #groupBy: readonly Grouping[]
  readonly #prices: PriceList
  readonly #totals = emptyTotals()
  readonly #groups = new Map<string, Totals & { key: GroupKey }>()
  readonly #unpriced = new Set<string>()

  constructor(groupBy: readonly Grouping[], prices: PriceList) {
    this.#groupBy = groupBy
    this.#prices = prices
  }

  /** @throws {AppError} `invalid_request` for more than `MAX_GROUPS` groups */
  add(row: LedgerRow): void {
    const cost = costOf(row, this.#prices)
    if (cost === null && this.#unpriced.size < MAX_UNPRICED) this.#unpriced.add(row.model)
    addTo(this.#totals, row, cost)
    if (this.#groupBy.length > 0) addTo(this.#groupOf(row), row, cost)
  }

  sums(): LedgerSums {
    const sorted = [...this.#groups.values()].sort((a, b) => compareKeys(a.key, b.key, this.#groupBy))
    return {
      totals: roundCost(this.#totals),
      groups: sorted.map(roundCost),
      unpriced: [...this.#unpriced].sort(),
    }
  }

  #groupOf(row: LedgerRow): Totals {
    const values = this.#groupBy.map((grouping) => KEYS[grouping](row))
    const id = JSON.stringify(values)
    const known = this.#groups.get(id)
    if (known) return known
    if (this.#groups.size >= MAX_GROUPS) {
      throw invalid(
        'group_by',
        `at most ${MAX_GROUPS} groups (set from and to, or group by fewer fields)`,
        this.#groupBy.join(','),
      )
    }
    const key = Object.fromEntries(this.#groupBy.map((grouping, i) => [grouping, values[i] ?? null]))
    const group = { key, ...emptyTotals() }
    this.#groups.set(id, group)
    return group
  }
}

type Totals = ReturnType<typeof emptyTotals>

function emptyTotals() {
  return {
    calls: 0,
    failed: 0,
    tokens_in: 0,
    tokens_out: 0,
    tokens_cached: 0,
    latency_ms: 0,
    /** The part of `calls` that were retries. */
    retries: 0,
    /** In the currency of the prices; `null` if a call has no known cost. */
    cost: 0 as number | null,
  }
}

function addTo(totals: Totals, row: LedgerRow, cost: number | null): void {
  totals.calls += 1
  if (row.outcome !== 'ok') totals.failed += 1
  totals.tokens_in += row.tokens_in
  totals.tokens_out += row.tokens_out
  totals.tokens_cached += row.tokens_cached
  totals.latency_ms += row.latency_ms
  // Each attempt is one row whose `retries` counts the attempts before it, so retries are rows, not a sum.
  if (row.retries > 0) totals.retries += 1
  totals.cost = totals.cost === null || cost === null ? null : totals.cost + cost
}

/** Removes floating-point noise: prices and tokens have fewer than 12 digits. */
function roundCost<T extends Totals>(totals: T): T {
  return { ...totals, cost: totals.cost === null ? null : Number(totals.cost.toPrecision(12)) }
}

/** Sorts numbers by size and strings by code unit, `null` first. */
function compareKeys(a: GroupKey, b: GroupKey, groupBy: readonly Grouping[]): number {
  for (const grouping of groupBy) {
    const [left, right] = [a[grouping] ?? null, b[grouping] ?? null]
    if (left === right) continue
    if (left === null || right === null) return left === null ? -1 : 1
    return left < right ? -1 : 1
  }
  return 0
}

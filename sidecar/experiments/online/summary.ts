import { countRecall } from '../latency-buckets.ts'
import type { Moments, UnitSummary } from '../model.ts'
import type { StoredUnit } from './unit-record.ts'

/** A recall under an experiment. */
export interface ExposureRow {
  kind: 'exposure'
  /** Identifies the turn and its query within the unit, so that a retried turn counts once. */
  id: string
  arm: string
  /** Epoch milliseconds. */
  at: number
  /** `cache.result` and `cache.reason`, such as `miss.window`. */
  cache: string
  isDegraded: boolean
  isEmpty: boolean
  /** o200k tokens. */
  tokens: number
  billedTokens: number
  prefixTokens: number
  /** Bucket of the total milliseconds. */
  latency: number
  tookMs: UnitSummary['took_ms']
}

/** The answer of another arm to a turn, compared with the injected answer. */
export interface ComparisonRow {
  kind: 'comparison'
  id: string
  arm: string
  at: number
  other: string
  overlap: number
  rbo: number
  missed: number
  tokens: number
  /** Age in turns of the injected block, where the other arm searches per query. */
  age: number | null
}

export interface OutcomeRow {
  kind: 'outcome'
  /** A later outcome with the same name and id replaces this one. `null`: it cannot be replaced. */
  id: string | null
  name: string
  /** `null` removes the outcome with this name and id. */
  value: number | null
  at: number
}

export type Row = ExposureRow | ComparisonRow | OutcomeRow

/** Rows of a unit whose ids are remembered, so that a repeated write or turn does not count twice. */
const MAX_RECENT = 32
/** Outcomes of each name in a unit that can be replaced, the latest ones. */
const MAX_REPLACEABLE = 100
/** Names of outcomes per unit; outcomes with further names are ignored. */
const MAX_NAMES = 50

/** `duplicate`: nothing changed. */
export type RowEffect = 'added' | 'replaced' | 'removed' | 'duplicate' | 'other_arm' | 'refused'

/** What a row added to the outcomes of a name; negative where it removed one. */
export interface OutcomeChange {
  name: string
  count: number
  sum: number
}

export function emptySummary(arm: string, assignedAt: number): UnitSummary {
  return {
    arm,
    assigned_at: assignedAt,
    turns: 0,
    cache: {},
    degraded: 0,
    empty: 0,
    tokens: noMoments(),
    billed_tokens: noMoments(),
    prefix_tokens: 0,
    latency: [],
    took_ms: { embed: 0, search: 0, render: 0, total: 0 },
    shadow: {},
    overlap_by_age: {},
    outcomes: {},
  }
}

/** Adds a row to a unit, in place. The order of the rows does not matter, except between outcomes with the same id. */
export function addRow(unit: StoredUnit, row: Row, onOutcome?: (change: OutcomeChange) => void): RowEffect {
  if (row.kind === 'outcome') return addOutcome(unit, row, onOutcome)
  if (row.arm !== unit.summary.arm) return 'other_arm'
  if (unit.recent.includes(row.id)) return 'duplicate'
  unit.recent = [...unit.recent, row.id].slice(-MAX_RECENT)
  unit.seen = Math.max(unit.seen, row.at)
  if (row.kind === 'exposure') addExposure(unit.summary, row)
  else addComparison(unit.summary, row)
  return 'added'
}

function addExposure(summary: UnitSummary, row: ExposureRow): void {
  summary.turns += 1
  if (row.isDegraded) summary.degraded += 1
  if (row.isEmpty) summary.empty += 1
  summary.prefix_tokens += row.prefixTokens
  addTo(summary.tokens, row.tokens)
  addTo(summary.billed_tokens, row.billedTokens)
  summary.cache[row.cache] = (summary.cache[row.cache] ?? 0) + 1
  countRecall(summary.latency, row.latency)
  for (const part of ['embed', 'search', 'render', 'total'] as const) {
    summary.took_ms[part] += row.tookMs[part]
  }
}

function addComparison(summary: UnitSummary, { other, age, ...row }: ComparisonRow): void {
  const sums = entryOf(summary.shadow, other, () => ({ n: 0, overlap: 0, rbo: 0, missed: 0, tokens: 0 }))
  sums.n += 1
  for (const field of ['overlap', 'rbo', 'missed', 'tokens'] as const) sums[field] += row[field]
  if (age === null) return
  const atAge = entryOf(summary.overlap_by_age, String(age), () => ({ n: 0, overlap: 0 }))
  atAge.n += 1
  atAge.overlap += row.overlap
}

function addOutcome(
  unit: StoredUnit,
  { id, name, value, at }: OutcomeRow,
  onOutcome?: (change: OutcomeChange) => void,
): RowEffect {
  const { outcomes } = unit.summary
  // Assigning to this key would set a prototype.
  if (name === '__proto__') return 'refused'
  const earlier = unit.values.find((known) => known.name === name && known.id === id)
  if (value === (earlier?.value ?? null)) return 'duplicate'
  if (!Object.hasOwn(outcomes, name) && Object.keys(outcomes).length >= MAX_NAMES) return 'refused'
  const moments = entryOf(outcomes, name, noMoments)
  if (earlier) addTo(moments, earlier.value, -1)
  if (value !== null) addTo(moments, value)
  if (moments.n === 0) delete outcomes[name]
  unit.seen = Math.max(unit.seen, at)
  const others = unit.values.filter((known) => known !== earlier)
  const kept = id === null || value === null ? others : [...others, { name, id, value }]
  const own = kept.filter((known) => known.name === name)
  // Exact where possible: subtracting a large value leaves nothing of the small ones.
  if (own.length === moments.n) {
    Object.assign(moments, noMoments())
    for (const known of own) addTo(moments, known.value)
  }
  const oldest = own.length > MAX_REPLACEABLE ? own[0] : undefined
  unit.values = kept.filter((known) => known !== oldest)
  const count = Number(value !== null) - Number(earlier !== undefined)
  onOutcome?.({ name, count, sum: (value ?? 0) - (earlier?.value ?? 0) })
  return value === null ? 'removed' : earlier ? 'replaced' : 'added'
}

function noMoments(): Moments {
  return { n: 0, sum: 0, squares: 0 }
}

function addTo(moments: Moments, value: number, times: 1 | -1 = 1): void {
  moments.n += times
  moments.sum += times * value
  moments.squares += times * value * value
}

/** Own properties only: an arm or outcome may be named like a property of every object. */
function entryOf<T>(entries: Record<string, T>, key: string, create: () => T): T {
  if (!Object.hasOwn(entries, key)) entries[key] = create()
  return entries[key] as T
}

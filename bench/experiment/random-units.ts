import type { Experiment, UnitSummary } from '../../sidecar/experiments/model.ts'
import { bucketOf } from '../../sidecar/experiments/report/statistics/histogram.ts'

export type Random = () => number

/** Standard normal, by Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Sum and number of the values of one unit. */
export interface Values {
  y: number
  n: number
}

/** @param shift added to the mean, where the distribution allows it */
export type Draw = (random: Random, shift?: number) => Values

const TURNS = 10

/** One value per unit, 1 with a probability. */
export const event =
  (probability: number): Draw =>
  (random, shift = 0) => ({ y: random() < probability + shift ? 1 : 0, n: 1 })

/** Ten turns per unit; any two of them have a correlation of 0.5. */
export const clustered: Draw = (random, shift = 0) => {
  const common = normal(random)
  let y = 0
  for (let turn = 0; turn < TURNS; turn++) y += shift + Math.SQRT1_2 * (common + normal(random))
  return { y, n: TURNS }
}

/** One to about forty ratings per unit, most from few units, which are either mostly content or mostly not. */
export const clusteredEvents: Draw = (random, shift = 0) => {
  const n = 1 + Math.floor(-Math.log(1 - random()) * (TURNS - 1))
  const probability = (random() < 0.5 ? 0.9 : 0.6) + shift
  let y = 0
  for (let turn = 0; turn < n; turn++) if (random() < probability) y++
  return { y, n }
}

/** Tokens: log-normal, so that few units have most of them. */
export const skewed =
  (sigma: number): Draw =>
  (random, shift = 0) => ({ y: 300 * Math.exp(sigma * normal(random)) * (1 + shift), n: 1 })

/** Milliseconds of the ten turns of a unit; any two of their logarithms have a correlation of 0.5. */
export function latencies(random: Random): number[] {
  const common = normal(random)
  return Array.from({ length: TURNS }, () => 20 * Math.exp(0.7 * Math.SQRT1_2 * (common + normal(random))))
}

export interface UnitParts {
  arm: string
  at?: number
  turns?: number
  outcomes?: Record<string, Values>
  tokens?: number
  billedTokens?: number
  milliseconds?: readonly number[]
  cache?: Record<string, number>
}

/** A unit as the experiment records it; all parts that are not given are empty. */
export function unitOf({ arm, at = 0, turns = 1, milliseconds = [], ...parts }: UnitParts): UnitSummary {
  const { tokens = 0, billedTokens = tokens } = parts
  const latency = [...Map.groupBy(milliseconds, bucketOf)].flatMap(([bucket, { length }]) => [bucket, length])
  const outcomes: UnitSummary['outcomes'] = {}
  for (const [name, { y, n }] of Object.entries(parts.outcomes ?? {})) {
    // Squares as of 0 and 1 where that is possible.
    outcomes[name] = { n, sum: y, squares: y >= 0 && y <= n ? y : (y * y) / n }
  }
  return {
    arm,
    assigned_at: at,
    turns,
    cache: parts.cache ?? {},
    degraded: 0,
    empty: 0,
    tokens: { n: turns, sum: tokens, squares: tokens ** 2 / turns },
    billed_tokens: { n: turns, sum: billedTokens, squares: billedTokens ** 2 / turns },
    prefix_tokens: 0,
    latency,
    took_ms: { embed: 0, search: 0, render: 0, total: milliseconds.reduce((sum, ms) => sum + ms, 0) },
    shadow: {},
    overlap_by_age: {},
    outcomes,
  }
}

/** @param weights of the arms `a`, `b`, … */
export function experimentOf(
  weights: readonly number[] = [1, 1],
  parts: Partial<Experiment> = {},
): Experiment {
  return {
    name: 'trial',
    status: 'running',
    unit: 'conversation',
    arms: weights.map((weight, index) => ({
      name: String.fromCharCode(97 + index),
      weight,
      strategy: index === 0 ? 'per_query' : 'cached',
    })),
    outcome: 'thumbs',
    shadow_share: 0,
    salt: 'salt',
    created_at: 0,
    started_at: 0,
    stopped_at: null,
    ...parts,
  }
}

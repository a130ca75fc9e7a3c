import { z } from 'zod'
import { EXPERIMENT_STATUSES, UNITS } from '../model.ts'

const time = z.iso.datetime()
const share = z.number().min(0).max(1)

/** A value with its 95 % interval, `null` where there is too little data. The interval holds for one look at it. */
export const estimate = z.object({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
})

export type Estimate = z.output<typeof estimate>

export const armReport = z.object({
  name: z.string(),
  strategy: z.string(),
  /** The first arm of the experiment, which every other arm is compared with. */
  is_baseline: z.boolean(),
  weight: z.number(),
  units: z.number(),
  turns: z.number(),
  latency_ms: z.object({
    mean: estimate,
    p50: estimate,
    p95: estimate,
    p99: estimate,
    /** Means per turn of the parts of a recall. */
    parts: z.object({ embed: z.number(), search: z.number(), render: z.number() }).nullable(),
    /** Turns by duration, `from` inclusive, `to` exclusive, in ascending order; empty buckets are left out. */
    histogram: z.array(z.object({ from: z.number(), to: z.number(), turns: z.number() })),
  }),
  cache: z.object({
    /** Hits among the recalls that looked into the cache; `null` without any. */
    hit_rate: estimate,
    /** All recalls by result and reason, most frequent first. Shares add up to 1. */
    results: z.array(z.object({ result: z.string(), reason: z.string(), turns: z.number(), share })),
  }),
  /** Share of the turns without any memory. */
  empty_rate: estimate,
  /** Share of the turns that were answered without a part of the search. */
  degraded_rate: estimate,
  tokens_per_turn: estimate,
  billed_tokens_per_turn: estimate,
  /** Billed tokens times the price; `null` without a price. */
  cost_per_turn: estimate.nullable(),
  /** Share of the injected tokens in the prefix shared with the previous turn. */
  prefix_reuse: z.number().nullable(),
  /** Means over the turns with an answer of another arm, which was not injected. */
  shadow: z.array(
    z.object({
      arm: z.string(),
      turns: z.number(),
      overlap: z.number(),
      rbo: z.number(),
      missed: z.number(),
      tokens: z.number(),
    }),
  ),
  /** Mean overlap with `per_query` by age of the block in turns, ascending. */
  overlap_by_age: z.array(z.object({ age: z.number(), turns: z.number(), overlap: z.number() })),
  /** Every outcome that any arm has, the one that decides first. */
  outcomes: z.array(
    z.object({
      name: z.string(),
      /** Units with at least one value. */
      units: z.number(),
      values: z.number(),
      mean: estimate,
    }),
  ),
})

export type ArmReport = z.output<typeof armReport>

/**
 * - `too_early`: an arm has fewer units with a value than `settings.minimum_units`
 * - `constant`: all values of both arms are equal
 * - `compared`: the interval is given
 */
const DIFFERENCE_STATUSES = ['too_early', 'constant', 'compared'] as const

/**
 * An arm minus the baseline. The interval is always valid: looking at it after every unit, and stopping because of it,
 * keeps its confidence.
 */
export const difference = z.object({
  arm: z.string(),
  baseline: z.string(),
  /** Name of an outcome, or `tokens`, `billed_tokens`, `latency_ms` (mean per turn). */
  metric: z.string(),
  kind: z.enum(['outcome', 'measure']),
  /** `primary`: the outcome that decides; `cost`: billed tokens; `secondary`: everything else, a hint only. */
  role: z.enum(['primary', 'cost', 'secondary']),
  is_higher_better: z.boolean(),
  status: z.enum(DIFFERENCE_STATUSES),
  /** Units with a value. */
  units: z.object({ arm: z.number(), baseline: z.number() }),
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** The same as a fraction of the baseline's mean: -0.31 is 31 % less. `null` unless both means are above 0. */
  relative: estimate,
  /** Confidence of `low`…`high` after the correction for several comparisons, such as 0.975. */
  confidence: z.number(),
  verdict: z.enum(['better', 'worse', 'undecided']),
  /** Difference that would be found with `settings.power` at the present number of units. */
  minimum_detectable_effect: z.number().nullable(),
})

export type Difference = z.output<typeof difference>

const CONCLUSIONS = [
  'sample_ratio',
  'no_units',
  'no_outcome',
  'too_early',
  'better',
  'cheaper',
  'undecided',
  'trade_off',
  'keep_baseline',
  'no_difference',
] as const

export const report = z.object({
  experiment: z.string(),
  status: z.enum(EXPERIMENT_STATUSES),
  unit: z.enum(UNITS),
  /** The outcome that decides. */
  outcome: z.string(),
  baseline: z.string(),
  created_at: time,
  started_at: time.nullable(),
  stopped_at: time.nullable(),
  units: z.number(),
  turns: z.number(),
  conclusion: z.object({
    kind: z.enum(CONCLUSIONS),
    /** The arm to use; `null` when nothing can be recommended yet. */
    arm: z.string().nullable(),
    /** What to do, and how sure that is. */
    sentence: z.string(),
  }),
  warnings: z.array(z.string()),
  arms: z.array(armReport),
  differences: z.array(difference),
  /** Whether the arms have the numbers of units that their weights predict. */
  sample_ratio: z.object({
    is_alarm: z.boolean(),
    /** Valid after every unit: it falls below `rate` by chance in at most `rate` of all experiments. */
    p_value: z.number(),
    rate: z.number(),
    /** When the alarm was raised first, by the times of the assignments. */
    alarm_at: time.nullable(),
    arms: z.array(
      z.object({ arm: z.string(), units: z.number(), expected: z.number(), share, expected_share: share }),
    ),
  }),
  /** Difference of the deciding outcome by number of units, at most 100 points. Bounds are absent while it is too early. */
  series: z.array(
    z.object({
      at: time,
      units: z.number(),
      differences: z.array(
        z.object({
          arm: z.string(),
          value: z.number().nullable(),
          low: z.number().nullable(),
          high: z.number().nullable(),
        }),
      ),
    }),
  ),
  settings: z.object({
    confidence: z.number(),
    power: z.number(),
    minimum_units: z.number(),
    planned_units: z.number(),
    /** Loss of the deciding outcome that a cheaper arm may have at most, in the unit of the outcome. */
    margin: z.number().nullable(),
    price_per_million_tokens: z.number().nullable(),
    currency: z.string(),
  }),
})

export type Report = z.output<typeof report>

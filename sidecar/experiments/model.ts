import { z } from 'zod'
import { STRATEGIES } from '../retrieval/strategies/request.ts'
import { toBuckets } from './latency-buckets.ts'

/** How an arm answers a recall. Absent parameters: those of the request. */
export const arm = z.object({
  name: z.string(),
  /** Relative to the other arms, above 0. */
  weight: z.number(),
  strategy: z.enum(STRATEGIES),
  window_size: z.number().optional(),
  top_k: z.number().optional(),
  threshold: z.number().optional(),
  /** o200k tokens. */
  token_budget: z.number().optional(),
  freshness: z.enum(['window', 'write']).optional(),
  refresh_on_shift: z.number().optional(),
  graph: z.boolean().optional(),
})

export type Arm = z.output<typeof arm>

export const EXPERIMENT_STATUSES = ['draft', 'running', 'paused', 'stopped'] as const
export const UNITS = ['conversation', 'user'] as const

/** An experiment as stored. Times in epoch milliseconds. */
export const experiment = z.object({
  name: z.string(),
  status: z.enum(EXPERIMENT_STATUSES),
  /** What is assigned to an arm as a whole. */
  unit: z.enum(UNITS),
  arms: z.array(arm),
  /** Outcome that decides between the arms, such as `thumbs`. */
  outcome: z.string(),
  /** Share of the turns, 0…1, on which the other arms also answer, without injection. */
  shadow_share: z.number(),
  /** Random; assignments to arms are independent between experiments. */
  salt: z.string(),
  created_at: z.number(),
  started_at: z.number().nullable(),
  stopped_at: z.number().nullable(),
  /** Weights by arm since a change, ascending by `at`, the first since the start. Absent: they never changed. */
  weight_changes: z.array(z.object({ at: z.number(), weights: z.record(z.string(), z.number()) })).optional(),
})

export type Experiment = z.output<typeof experiment>

/** Number of values and their sum; sum of squares for the variance within a unit. */
export const moments = z.object({ n: z.number(), sum: z.number(), squares: z.number() })

export type Moments = z.output<typeof moments>

/** Pairwise comparison of the answer that was injected with the answer of another arm to the same turn. */
const comparison = z.object({
  n: z.number(),
  /** Sums over the n turns. Share of the top k that both have, 0…1. */
  overlap: z.number(),
  /** Rank-biased overlap, 0…1. */
  rbo: z.number(),
  /** Memories of the other arm that the injected answer lacked. */
  missed: z.number(),
  /** Tokens of the other arm. */
  tokens: z.number(),
})

/**
 * All exposures and outcomes of one unit, added up: what a report is computed from. Turns of a unit are dependent, so that
 * every interval is computed between units.
 */
export const unitSummary = z.object({
  arm: z.string(),
  /** Epoch milliseconds of the assignment. */
  assigned_at: z.number(),
  /** Recalls of the unit under the experiment. */
  turns: z.number(),
  /** Number of recalls by `cache.result` and `cache.reason`: `hit.window`, `miss.turns`, `none.disabled`. */
  cache: z.record(z.string(), z.number()),
  degraded: z.number(),
  /** Recalls without any memory. */
  empty: z.number(),
  /** Injected o200k tokens. */
  tokens: moments,
  /** Tokens after the price model's discount for the prefix shared with the previous turn. */
  billed_tokens: moments,
  /** Tokens of the prefix shared with the previous turn of the conversation. */
  prefix_tokens: z.number(),
  /**
   * Histogram of the total milliseconds, see `histogram.ts`: a bucket, its number of recalls, the next bucket, and so on.
   * Earlier versions stored the buckets as the fields of a record.
   */
  latency: z.union([z.array(z.number()), z.record(z.string(), z.number()).transform(toBuckets)]),
  /** Sums of the parts, milliseconds. */
  took_ms: z.object({ embed: z.number(), search: z.number(), render: z.number(), total: z.number() }),
  /** Shadow comparisons by name of the other arm. */
  shadow: z.record(z.string(), comparison),
  /** Shadow comparisons with `per_query` by age of the block in turns. */
  overlap_by_age: z.record(z.string(), z.object({ n: z.number(), overlap: z.number() })),
  outcomes: z.record(z.string(), moments),
})

export type UnitSummary = z.output<typeof unitSummary>

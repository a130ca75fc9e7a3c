import { z } from 'zod'
import type { Memory } from '../../memory/model/memory.ts'
import { BLOCK_REASONS } from '../blocks/freshness.ts'
import type { TurnCoverage } from '../blocks/turn-coverage.ts'
import type { RecallRequest } from '../recall.ts'
import type { Timings } from '../recall-options.ts'

export const STRATEGIES = ['per_query', 'cached', 'cached_delta'] as const
export type Strategy = (typeof STRATEGIES)[number]

export interface StrategyRequest extends RecallRequest {
  strategy: Strategy | 'auto'
  /** `write`: an added memory renews the block. `window` (default): only when the window rule requires it. */
  freshness?: 'window' | 'write' | undefined
  /** Always builds a new block. */
  refresh?: boolean | undefined
  /** Builds a new block if the cosine of the query and the query of the block is below this value. */
  refreshOnShift?: number | undefined
  /** The filters of the request, from which `filter` was compiled. */
  filters?: unknown
}

/**
 * Why no cached block was used. `disabled`: the strategy is `per_query`. The next four: the request cannot use one.
 * `unavailable`: the cache did not answer, or the answer was late and replaced by a fallback.
 */
const UNCACHED_REASONS = [
  'disabled',
  'no_conversation',
  'no_turn',
  'no_window',
  'window_too_small',
  'unavailable',
] as const
export type UncachedReason = (typeof UNCACHED_REASONS)[number]

export const cacheReport = z.object({
  result: z.enum(['hit', 'miss', 'none']),
  reason: z.enum([...BLOCK_REASONS, ...UNCACHED_REASONS]),
  age_turns: z.number().nullable(),
  serves_until_turn: z.number().nullable(),
  block_hash: z.string().nullable(),
})

type CacheReport = z.output<typeof cacheReport>

export interface StrategyResult {
  /** The strategy that was used. */
  strategy: Strategy
  /** Block and delta, ready for a prompt. */
  context: string
  block: string
  delta: string
  /** o200k tokens of the context. */
  tokens: number
  memories: { memory: Memory; score: number }[]
  /** How many of `memories`, the first ones, are in the block; absent: all, if there is a block. */
  blockSize?: number | undefined
  cache: CacheReport
  /** Watermark of the block. */
  watermark?: number | undefined
  /** Absent without a conversation, and for a profile or an empty result. */
  coverage?: TurnCoverage | undefined
  /** Parts that are missing because they were late or failed, then the fallback that replaces the result, if any. */
  degraded: string[]
  tookMs: Timings
}

export function uncached(reason: UncachedReason): CacheReport {
  return { result: 'none', reason, age_turns: null, serves_until_turn: null, block_hash: null }
}

export const NO_TIME: Readonly<Timings> = { embed: 0, search: 0, render: 0, total: 0 }

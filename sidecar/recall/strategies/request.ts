import type { Memory } from '../../memory/memory.ts'
import type { BlockReason } from '../../window/judge.ts'
import type { Knowledge } from '../../window/knowledge.ts'
import type { RecallRequest, Timings } from '../recall.ts'

export type Strategy = 'per_query' | 'cached' | 'cached_delta'

export interface StrategyRequest extends RecallRequest {
  strategy: Strategy | 'auto'
  /** Whether additions that the window does not ask for renew a block; `window` if absent. */
  freshness?: 'window' | 'write' | undefined
  /** Builds the block anew in any case. */
  refresh?: boolean | undefined
  /** A block is built anew when the cosine of the query and the one that it was built for is below this. */
  refreshOnShift?: number | undefined
  /** The filters as they were given; `filter` is what they came to. */
  filters?: unknown
}

export interface CacheReport {
  result: 'hit' | 'miss' | 'none'
  /** `disabled`: no cached block was asked for, could be (no conversation, or a window below 2), or could be had. */
  reason: BlockReason | 'disabled'
  /** Turns since the block was built. */
  age_turns: number | null
  serves_until_turn: number | null
  block_hash: string | null
}

export interface StrategyResult {
  /** The one that answered. */
  strategy: Strategy
  /** Block and delta, ready for a prompt. */
  context: string
  block: string
  delta: string
  /** o200k tokens of the context. */
  tokens: number
  memories: { memory: Memory; score: number }[]
  cache: CacheReport
  /** Of the block that was served. */
  watermark?: number | undefined
  /** What of the conversation could be found when what is served was put together; absent where it is not from there. */
  known?: Knowledge | undefined
  /** Parts that were late or broken, and done without; at the end what stands in for the answer, if something does. */
  degraded: string[]
  tookMs: Timings
}

export const NO_CACHE: CacheReport = {
  result: 'none',
  reason: 'disabled',
  age_turns: null,
  serves_until_turn: null,
  block_hash: null,
}

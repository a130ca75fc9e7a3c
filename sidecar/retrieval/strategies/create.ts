import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import { BlockCache } from '../blocks/block-cache.ts'
import { createTurnTracker } from '../blocks/watermark.ts'
import { type CachedOptions, CachedStrategies } from './cached.ts'
import type { Strategy } from './request.ts'
import { Strategies, type StrategiesOptions } from './strategies.ts'

export interface StrategySettings {
  /** Milliseconds after which a recall is answered with the best available fallback. */
  deadlineMs: number
  /** Milliseconds after its recall for which a turn is expected to be added. */
  settleMs: number
  /** Maximum lifetime of a block in milliseconds. */
  blockTtlMs: number
  /** Milliseconds to wait for a block that another recall builds. */
  waitMs: number
  /** The strategy that `auto` selects when a conversation, a turn and a window of at least 2 are given. */
  auto: Strategy
}

const DEFAULT_STRATEGY_SETTINGS: StrategySettings = {
  deadlineMs: 2000,
  settleMs: 60_000,
  blockTtlMs: 86_400_000,
  waitMs: 500,
  auto: 'cached_delta',
}

export interface StrategyBackends
  extends Pick<CachedOptions, 'recall' | 'profilePacker'>,
    Pick<StrategiesOptions, 'profile' | 'onAnswer' | 'onRecall' | 'now'> {
  records: RecordStore
  scopeState: ScopeState
  /** Whether the counters of a scope do not reflect all its changes. */
  hasUndelivered: (scope: string) => boolean
}

export function createStrategies(
  backends: StrategyBackends,
  settings: Partial<StrategySettings> = {},
): Strategies {
  const { recall, profilePacker, records, scopeState: state, hasUndelivered, now } = backends
  const { deadlineMs, settleMs, blockTtlMs, waitMs, auto } = { ...DEFAULT_STRATEGY_SETTINGS, ...settings }
  const turns = createTurnTracker({ records, state, settleMs, now })
  const blocks = new BlockCache({ state, turns, hasUndelivered, ttlMs: blockTtlMs, waitMs, now })
  const cached = new CachedStrategies({ recall, blocks, profilePacker })
  const { profile, onAnswer, onRecall } = backends
  return new Strategies({ recall, cached, profile, onAnswer, onRecall, now, deadlineMs, auto })
}

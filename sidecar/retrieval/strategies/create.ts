import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import { BlockCache, type BlockCacheOptions } from '../blocks/block-cache.ts'
import { createTurnTracker } from '../blocks/watermark.ts'
import { type CachedOptions, CachedStrategies } from './cached.ts'
import type { Strategy } from './request.ts'
import { Strategies, type StrategiesOptions } from './strategies.ts'

const DEFAULTS = {
  /** Milliseconds after which a recall is answered with the best available fallback. */
  deadlineMs: 2000,
  /** Milliseconds after its recall for which a turn is expected to be added. */
  settleMs: 60_000,
  /** Maximum lifetime of a block in milliseconds. */
  blockTtlMs: 86_400_000,
  /** Milliseconds to wait for a block that another recall builds. */
  waitMs: 500,
  /** The strategy that `auto` selects when a conversation, a turn and a window of at least 2 are given. */
  auto: 'cached_delta' as Strategy,
}

export type StrategySettings = typeof DEFAULTS

export interface StrategyBackends
  extends Pick<CachedOptions, 'recall' | 'profilePacker'>,
    Pick<BlockCacheOptions, 'hasPendingNotices'>,
    Pick<StrategiesOptions, 'profile' | 'onAnswer' | 'onRecall' | 'now'> {
  records: RecordStore
  scopeState: ScopeState
}

export function createStrategies(
  backends: StrategyBackends,
  settings: Partial<StrategySettings> = {},
): Strategies {
  const { recall, profilePacker, records, scopeState: state, hasPendingNotices, now } = backends
  const { deadlineMs, settleMs, blockTtlMs, waitMs, auto } = { ...DEFAULTS, ...settings }
  const turns = createTurnTracker({ records, state, settleMs, now })
  const blocks = new BlockCache({ state, turns, hasPendingNotices, ttlMs: blockTtlMs, waitMs, now })
  const cached = new CachedStrategies({ recall, blocks, profilePacker })
  const { profile, onAnswer, onRecall } = backends
  return new Strategies({ recall, cached, profile, onAnswer, onRecall, now, deadlineMs, auto })
}

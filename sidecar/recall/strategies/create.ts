import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import { BlockCache } from '../../window/block-cache.ts'
import { createTurns } from '../../window/watermark.ts'
import type { Recall } from '../recall.ts'
import { Cached, type CachedOptions } from './cached.ts'
import type { Strategy } from './request.ts'
import { Strategies, type StrategiesOptions } from './strategies.ts'

export interface StrategySettings {
  /** Milliseconds within which a recall is answered, with what there is by then. */
  deadlineMs: number
  /** Milliseconds for which a turn that was recalled for is expected to be added. */
  settleMs: number
  /** Milliseconds that a block lives at the most. */
  blockTtlMs: number
  /** Milliseconds that a recall waits for a block that another one builds. */
  waitMs: number
  /** What `auto` stands for where a conversation, a turn and a window of at least 2 are known. */
  auto: Strategy
}

export const DEFAULT_STRATEGY_SETTINGS: StrategySettings = {
  deadlineMs: 2000,
  settleMs: 60_000,
  blockTtlMs: 86_400_000,
  waitMs: 500,
  auto: 'cached_delta',
}

export interface StrategyBackends {
  recall: Recall
  profile: StrategiesOptions['profile']
  onAnswer: StrategiesOptions['onAnswer']
  packing: CachedOptions['packing']
  records: RecordStore
  scopeState: ScopeState
  /** Whether the counters of a scope tell of all its changes. */
  isSettled: (scope: string) => boolean
  onRecall?: StrategiesOptions['onRecall']
  now: () => number
}

export function createStrategies(
  backends: StrategyBackends,
  settings: Partial<StrategySettings> = {},
): Strategies {
  const {
    recall,
    profile,
    onAnswer,
    packing,
    records,
    scopeState: state,
    isSettled,
    onRecall,
    now,
  } = backends
  const { deadlineMs, settleMs, blockTtlMs, waitMs, auto } = { ...DEFAULT_STRATEGY_SETTINGS, ...settings }
  const turns = createTurns({ records, state, settleMs, now })
  const blocks = new BlockCache({ state, turns, isSettled, ttlMs: blockTtlMs, waitMs, now })
  const cached = new Cached({ recall, blocks, packing })
  return new Strategies({ recall, cached, profile, onAnswer, now, deadlineMs, auto, onRecall })
}

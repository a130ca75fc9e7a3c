import { hash, randomUUID } from 'node:crypto'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import type { StrategyRequest, StrategyResult } from '../../retrieval/strategies/request.ts'
import type { CountTokens } from '../../text/token-counter.ts'
import type { Arm } from '../model.ts'
import { overlapAt, rankBiasedOverlap, rankedIds } from '../overlap.ts'
import { MEMORY_ONLY, priceOf } from '../price.ts'
import { bucketOf } from '../report/statistics/histogram.ts'
import type { PreviousBlocks } from './previous-blocks.ts'
import type { ComparisonRow, ExposureRow } from './summary.ts'

/** A recall that an arm answered. */
export interface ArmAnswer {
  scope: Scope
  /** As received. */
  original: StrategyRequest
  /** With the parameters of the arm. */
  request: StrategyRequest
  result: StrategyResult
  arm: string
  /** Start of the recall, epoch milliseconds. */
  at: number
}

/** The request with the parameters of an arm. */
export function applyArm(request: StrategyRequest, experiment: string, arm: Arm): StrategyRequest {
  return {
    ...request,
    strategy: arm.strategy,
    arm: `${experiment}/${arm.name}`,
    windowSize: arm.window_size ?? request.windowSize,
    topK: arm.top_k ?? request.topK,
    threshold: arm.threshold ?? request.threshold,
    tokenBudget: arm.token_budget ?? request.tokenBudget,
    freshness: arm.freshness ?? request.freshness,
    refreshOnShift: arm.refresh_on_shift ?? request.refreshOnShift,
    graph: arm.graph ?? request.graph,
  }
}

/** Identifies a turn and its query, so that a retried turn has the same id; random without a turn. */
function turnIdOf({ conversationId, turn, query }: StrategyRequest): string {
  if (turn === undefined) return randomUUID().slice(0, 12)
  return hash('sha256', JSON.stringify([conversationId, turn, query]), 'hex').slice(0, 12)
}

/** Returns `undefined` if the previous recall was the same turn. */
export function toExposure(
  { scope, request, result, arm, at }: ArmAnswer,
  salt: string,
  previous: PreviousBlocks,
  count: CountTokens,
): ExposureRow | undefined {
  const id = turnIdOf(request)
  const { block: text, delta, tokens, cache, tookMs } = result
  const known = delta === '' ? tokens : undefined
  const { conversationId } = request
  const prefix =
    conversationId === undefined
      ? { block: 0, shared: undefined }
      : previous.next(`${scopeKey(scope)}/${conversationId}/${salt}`, { text, id, tokens: known }, count)
  if (!prefix) return undefined
  return {
    kind: 'exposure',
    id,
    arm,
    at,
    cache: `${cache.result}.${cache.reason}`,
    isDegraded: result.degraded.length > 0,
    isEmpty: result.memories.length === 0,
    tokens,
    billedTokens: priceOf({ ...prefix, delta: Math.max(0, tokens - prefix.block) }, MEMORY_ONLY),
    prefixTokens: prefix.shared ?? 0,
    latency: bucketOf(tookMs.total),
    tookMs,
  }
}

/** Compares the injected answer with that of another arm. */
export function compare(
  { request, result, arm, at }: ArmAnswer,
  other: { arm: string; request: StrategyRequest; result: StrategyResult },
): ComparisonRow {
  const injected = rankedIds(result)
  const reference = rankedIds(other.result)
  const shown = new Set(injected)
  return {
    kind: 'comparison',
    id: `${turnIdOf(request)}:${hash('sha256', other.arm, 'hex').slice(0, 4)}`,
    arm,
    at,
    other: other.arm,
    overlap: overlapAt(other.request.topK, reference, injected),
    rbo: rankBiasedOverlap(injected, reference),
    missed: reference.filter((id) => !shown.has(id)).length,
    tokens: other.result.tokens,
    age: other.result.strategy === 'per_query' ? result.cache.age_turns : null,
  }
}

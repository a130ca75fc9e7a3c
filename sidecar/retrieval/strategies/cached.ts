import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { servesUntilTurn } from '../../memory/model/window-rule.ts'
import { tokenCounter } from '../../text/token-counter.ts'
import { blockKey } from '../blocks/block.ts'
import type { BlockCache, BlockRequest, ServedBlock } from '../blocks/block-cache.ts'
import { windowGate } from '../gates.ts'
import type { Recall } from '../recall.ts'
import type { Timings } from '../recall-options.ts'
import { NO_TIME, type Strategy, type StrategyRequest, type StrategyResult } from './request.ts'
import { type Selection, selectBlock } from './select.ts'

export interface CachedOptions {
  recall: Recall
  blocks: BlockCache
  /** Returns a function that renders facts by the topics of an app, or by the default topics for `null`. */
  profilePacker: (scope: Scope, appId: string | null) => Promise<Selection['profile']>
}

/** A request with the fields that a block requires. */
export interface CachedRequest extends StrategyRequest {
  strategy: Exclude<Strategy, 'per_query'>
  conversationId: string
  turn: number
  windowSize: number
}

/** Maximum fraction of the token budget for the block under `cached_delta`. */
const BLOCK_SHARE = 0.5
/** Tokens of the line break between block and delta. */
const SEPARATOR_TOKENS = 1

/** Strategies `cached` and `cached_delta`. */
export class CachedStrategies {
  readonly #options: CachedOptions

  constructor(options: CachedOptions) {
    this.#options = options
  }

  /**
   * @param onFallback called with a result that may be returned if this one is late or fails
   * @throws `CacheUnavailable` when it is unknown which blocks may be served
   */
  async recall(
    scope: Scope,
    request: CachedRequest,
    onFallback: (result: StrategyResult) => void,
  ): Promise<StrategyResult> {
    const { blocks, recall } = this.#options
    const { refreshOnShift: threshold } = request
    const tookMs: Timings = { ...NO_TIME }
    const degraded: string[] = []
    const key = scopeKey(scope)
    const served = await blocks.getOrBuild({
      ...request,
      scope: key,
      key: blockKey({ ...request, watchesTopic: threshold !== undefined }),
      freshness: request.freshness ?? 'window',
      isForced: request.refresh ?? false,
      shift:
        threshold === undefined
          ? undefined
          : { threshold, vector: () => recall.embed({ ...request, scope: key }) },
      build: (unchanged) => this.#build(scope, request, unchanged, tookMs, degraded),
      onFallback: (block) =>
        onFallback(toResult(request, { block, result: 'hit', reason: 'hit', isStored: true })),
    })
    const blockResult = { ...toResult(request, served), degraded, tookMs }
    if (request.strategy === 'cached') return blockResult
    onFallback({ ...blockResult, degraded: [...degraded, 'delta'] })
    return await this.#addDelta(scope, request, blockResult)
  }

  async #build(
    scope: Scope,
    request: CachedRequest,
    unchanged: Parameters<BlockRequest['build']>[0],
    tookMs: Timings,
    degraded: string[],
  ): ReturnType<BlockRequest['build']> {
    // The block of `cached_delta` does not depend on the query.
    if (unchanged && request.strategy === 'cached_delta' && !request.refresh) return unchanged
    const { recall, profilePacker } = this.#options
    const { refreshOnShift } = request
    const candidates = await recall.blockCandidates(scope, request, {
      withMatches: request.strategy === 'cached',
    })
    // After the search, so that the embedder has the vector in its cache.
    const vector =
      refreshOnShift === undefined ? undefined : await recall.embed({ ...request, scope: scopeKey(scope) })
    const [count, profile] = await Promise.all([tokenCounter(), profilePacker(scope, request.appId ?? null)])
    const started = performance.now()
    const { conversationId, turn, windowSize, tokenBudget, strategy } = request
    const { passes } = windowGate(conversationId, turn, windowSize)
    // What is said in this turn, if it is stored already, is the query itself.
    const isEarlier = windowGate(conversationId, turn, 1).passes
    const { text, tokens, memories } = selectBlock({
      all: candidates.all.filter(isEarlier),
      salience: candidates.salience,
      // Under `cached_delta`, the delta contains the matches.
      matches:
        strategy === 'cached' ? candidates.found.map(({ memory }) => memory).filter(isEarlier) : undefined,
      isInWindow: (memory) => !passes(memory),
      profile,
      budget: strategy === 'cached' ? tokenBudget : Math.floor(tokenBudget * BLOCK_SHARE),
      count,
    })
    tookMs.render += performance.now() - started
    tookMs.embed += candidates.tookMs.embed
    tookMs.search += candidates.tookMs.search
    degraded.push(...candidates.degraded)
    const scores = new Map(candidates.found.map(({ memory, score }) => [memory.id, score]))
    const expiries = memories.flatMap(({ expires_at }) => expires_at ?? [])
    return {
      text,
      tokens,
      memories: memories.map((memory) => ({ memory, score: scores.get(memory.id) ?? 0 })),
      coverage: candidates.coverage,
      ...(vector && { vector: [...vector] }),
      // A block expires with the first of its memories.
      expiresAt: expiries.length > 0 ? Math.min(...expiries) : null,
    }
  }

  async #addDelta(
    scope: Scope,
    request: CachedRequest,
    blockResult: StrategyResult,
  ): Promise<StrategyResult> {
    const { block, memories, tookMs } = blockResult
    const tokenBudget =
      request.tokenBudget - blockResult.tokens - (blockResult.tokens > 0 ? SEPARATOR_TOKENS : 0)
    const inBlock = memories.map(({ memory }) => memory)
    const delta = await this.#options.recall.recallPerQuery(scope, { ...request, tokenBudget }, inBlock)
    const { text } = delta.rendered
    const context = [block, text].filter((part) => part !== '').join('\n')
    const count = await tokenCounter()
    return {
      ...blockResult,
      context,
      delta: text,
      tokens: text === '' ? blockResult.tokens : count(context),
      blockSize: memories.length,
      memories: [...memories, ...delta.found.map(({ memory, score }) => ({ memory, score }))],
      degraded: [...new Set([...blockResult.degraded, ...delta.degraded])],
      tookMs: {
        embed: tookMs.embed + delta.tookMs.embed,
        search: tookMs.search + delta.tookMs.search,
        render: tookMs.render + delta.tookMs.render,
        total: 0,
      },
    }
  }
}

function toResult(
  { strategy, turn, windowSize }: CachedRequest,
  { block, result, reason, isStored }: ServedBlock,
): StrategyResult {
  return {
    strategy,
    context: block.text,
    block: block.text,
    delta: '',
    tokens: block.tokens,
    memories: block.memories,
    cache: {
      result,
      reason,
      // The turn number decreases for a regenerated answer.
      age_turns: Math.max(0, turn - block.turn),
      serves_until_turn: isStored ? servesUntilTurn(block.watermark, windowSize) : null,
      block_hash: block.text === '' ? null : block.hash,
    },
    watermark: block.watermark,
    coverage: block.coverage,
    degraded: [],
    tookMs: NO_TIME,
  }
}

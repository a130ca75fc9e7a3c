import { type Scope, scopeKey } from '../../scope.ts'
import { type BlockMemory, blockKey } from '../../window/block.ts'
import type { BlockCache, BlockRequest, Building, Obtained } from '../../window/block-cache.ts'
import { servesUntilTurn } from '../../window/rule.ts'
import { windowGate } from '../gates.ts'
import type { Recall, Timings } from '../recall.ts'
import { tokenCounter } from '../tokens.ts'
import type { CacheReport, Strategy, StrategyRequest, StrategyResult } from './request.ts'
import { type Selection, selectBlock } from './select.ts'

export interface CachedOptions {
  recall: Recall
  blocks: BlockCache
  /** How facts make a profile for an app; `null` for the topics of none. */
  packing: (scope: Scope, appId: string | null) => Promise<Selection['profile']>
}

/** A request of which everything is known that a block needs. */
export interface CachedRequest extends StrategyRequest {
  strategy: Exclude<Strategy, 'per_query'>
  conversationId: string
  turn: number
  windowSize: number
}

/** Part of the token budget that the block may take under `cached_delta`; the delta has what the block leaves. */
const BLOCK_SHARE = 0.5

/** Strategies `cached` and `cached_delta`. */
export class Cached {
  readonly #options: CachedOptions

  constructor(options: CachedOptions) {
    this.#options = options
  }

  /**
   * @param onSafe told of a result that can be answered instead, should this one be late or fail
   * @throws `CacheUnavailable` when it cannot be known what may be served
   */
  async recall(
    scope: Scope,
    request: CachedRequest,
    onSafe: (result: StrategyResult) => void,
  ): Promise<StrategyResult> {
    const tookMs: Timings = { embed: 0, search: 0, render: 0, total: 0 }
    const degraded: string[] = []
    const obtained = await this.#options.blocks.obtain({
      ...request,
      scope: scopeKey(scope),
      key: blockKey({ ...request, watchesTopic: request.refreshOnShift !== undefined }),
      freshness: request.freshness ?? 'window',
      isForced: request.refresh ?? false,
      shift: this.#shift(scope, request),
      build: (building) => this.#build(scope, request, building, tookMs, degraded),
      onSafe: (block) => onSafe(toResult(request, { block, result: 'hit', reason: 'hit', isKept: true })),
    })
    const whole = { ...toResult(request, obtained), degraded, tookMs }
    if (request.strategy === 'cached') return whole
    onSafe({ ...whole, degraded: [...degraded, 'delta'] })
    return await this.#withDelta(scope, request, whole)
  }

  #shift(scope: Scope, { query, refreshOnShift }: CachedRequest): BlockRequest['shift'] {
    if (refreshOnShift === undefined) return undefined
    return { threshold: refreshOnShift, vector: () => this.#options.recall.embed(scope, query) }
  }

  async #build(
    scope: Scope,
    request: CachedRequest,
    { unchanged }: Building,
    tookMs: Timings,
    degraded: string[],
  ): Promise<Awaited<ReturnType<BlockRequest['build']>>> {
    // The delta follows the query, so a block that knows all there is can stay as it is.
    if (unchanged && request.strategy === 'cached_delta' && !request.refresh) return unchanged
    const { recall, packing } = this.#options
    const survey = await recall.survey(scope, request)
    const [count, profile] = await Promise.all([tokenCounter(), packing(scope, request.appId ?? null)])
    const started = performance.now()
    const { conversationId, turn, windowSize, tokenBudget, strategy } = request
    const { passes } = windowGate(conversationId, turn, windowSize)
    const { text, tokens, memories } = selectBlock({
      all: survey.all,
      worth: survey.worth,
      // What the query finds comes with the delta, where there is one.
      found: strategy === 'cached' ? survey.found.map(({ memory }) => memory) : undefined,
      isShown: (memory) => !passes(memory),
      profile,
      budget: strategy === 'cached' ? tokenBudget : Math.floor(tokenBudget * BLOCK_SHARE),
      count,
    })
    const render = performance.now() - started
    tookMs.embed += survey.tookMs.embed
    tookMs.search += survey.tookMs.search
    tookMs.render += render
    degraded.push(...survey.degraded)
    const scores = new Map(survey.found.map(({ memory, score }) => [memory.id, score]))
    const expiries = memories.flatMap(({ expires_at }) => expires_at ?? [])
    return {
      text,
      tokens,
      memories: memories.map((memory) => ({ memory, score: scores.get(memory.id) ?? 0 })),
      known: survey.known,
      ...(request.refreshOnShift !== undefined && survey.vector ? { vector: [...survey.vector] } : {}),
      // What has expired is not recalled, so a block lives no longer than the first of its memories.
      expiresAt: expiries.length > 0 ? Math.min(...expiries) : null,
    }
  }

  async #withDelta(scope: Scope, request: CachedRequest, whole: StrategyResult): Promise<StrategyResult> {
    const held = new Set(whole.memories.map(({ memory }) => memory.id))
    const tokenBudget = request.tokenBudget - whole.tokens - (whole.tokens > 0 ? JOINT_TOKENS : 0)
    const { found, rendered, degraded, tookMs } = await this.#options.recall.perQuery(
      scope,
      { ...request, tokenBudget },
      held,
    )
    const context = joined(whole.block, rendered.text)
    const count = await tokenCounter()
    return {
      ...whole,
      context,
      delta: rendered.text,
      tokens: rendered.text === '' ? whole.tokens : count(context),
      memories: [...whole.memories, ...found.map(({ memory, score }): BlockMemory => ({ memory, score }))],
      degraded: [...new Set([...whole.degraded, ...degraded])],
      tookMs: {
        embed: whole.tookMs.embed + tookMs.embed,
        search: whole.tookMs.search + tookMs.search,
        render: whole.tookMs.render + tookMs.render,
        total: 0,
      },
    }
  }
}

/** A line break between block and delta. */
const JOINT_TOKENS = 1

function joined(block: string, delta: string): string {
  return [block, delta].filter((part) => part !== '').join('\n')
}

function toResult({ turn, windowSize, strategy }: CachedRequest, obtained: Obtained): StrategyResult {
  const { block } = obtained
  return {
    strategy,
    context: block.text,
    block: block.text,
    delta: '',
    tokens: block.tokens,
    memories: block.memories,
    cache: reportOf(obtained, turn, windowSize),
    watermark: block.watermark,
    known: block.known,
    degraded: [],
    tookMs: { embed: 0, search: 0, render: 0, total: 0 },
  }
}

function reportOf(
  { block, result, reason, isKept }: Obtained,
  turn: number,
  windowSize: number,
): CacheReport {
  return {
    result,
    reason,
    // A turn number that goes backwards (a regenerated answer) is no negative age.
    age_turns: Math.max(0, turn - block.turn),
    serves_until_turn: isKept ? servesUntilTurn(block.watermark, windowSize) : null,
    block_hash: block.text === '' ? null : block.hash,
  }
}

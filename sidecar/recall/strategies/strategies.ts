import { AppError } from '../../errors.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { Scope } from '../../scope.ts'
import type { Recall } from '../recall.ts'
import type { Cached, CachedRequest } from './cached.ts'
import { NO_CACHE, type Strategy, type StrategyRequest, type StrategyResult } from './request.ts'

export interface StrategiesOptions {
  recall: Recall
  cached: Cached
  /** Milliseconds within which a recall is answered, with what there is by then. */
  deadlineMs: number
  /** What `auto` stands for where a conversation, a turn and a window are known. */
  auto?: Strategy
}

/**
 * Recall by strategy. What is late or broken is done without, in this order: the fresh answer, the last block that may
 * still be served, the answer per query, nothing; `degraded` says what it was.
 */
export class Strategies {
  readonly #options: StrategiesOptions

  constructor(options: StrategiesOptions) {
    this.#options = options
  }

  /** @throws {AppError} `backend_unavailable` when nothing can be read at all */
  async recall(scope: Scope, request: StrategyRequest): Promise<StrategyResult> {
    const started = performance.now()
    const fallback: { safe: StrategyResult | undefined } = { safe: undefined }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.#options.deadlineMs)
    })
    const answer = this.#recall(scope, request, fallback)
    // When the deadline wins, nobody else listens to how the answer ends.
    answer.catch(() => {})
    try {
      const first = await Promise.race([answer, late])
      const result = first === 'late' ? without(fallback.safe, 'deadline', request) : first
      return { ...result, tookMs: { ...result.tookMs, total: performance.now() - started } }
    } finally {
      clearTimeout(timer)
    }
  }

  async #recall(
    scope: Scope,
    request: StrategyRequest,
    fallback: { safe: StrategyResult | undefined },
  ): Promise<StrategyResult> {
    const cachedRequest = this.#cachedRequest(request)
    if (!cachedRequest) return await this.#perQuery(scope, request)
    try {
      return await this.#options.cached.recall(scope, cachedRequest, (safe) => {
        fallback.safe = safe
      })
    } catch (error) {
      if (error instanceof CacheUnavailable) {
        const result = await this.#perQuery(scope, request)
        return { ...result, degraded: [...new Set([...result.degraded, 'cache'])] }
      }
      // The store is away; a block that was to be renewed, or to which a delta was to be added, still holds.
      if (error instanceof AppError && fallback.safe) return without(fallback.safe, 'records', request)
      throw error
    }
  }

  /** `undefined` where there is nothing to cache for. */
  #cachedRequest(request: StrategyRequest): CachedRequest | undefined {
    const { strategy: wanted, conversationId, turn, windowSize } = request
    const strategy = wanted === 'auto' ? (this.#options.auto ?? 'per_query') : wanted
    if (strategy === 'per_query') return undefined
    if (conversationId === undefined || turn === undefined || windowSize === undefined) return undefined
    return windowSize <= 1 ? undefined : { ...request, strategy, conversationId, turn, windowSize }
  }

  async #perQuery(scope: Scope, request: StrategyRequest): Promise<StrategyResult> {
    const { found, rendered, degraded, tookMs } = await this.#options.recall.perQuery(scope, request)
    return {
      strategy: 'per_query',
      context: rendered.text,
      // All of it belongs to this query, so it goes next to the query and not into the stable part of the prompt.
      block: '',
      delta: rendered.text,
      tokens: rendered.tokens,
      memories: found.map(({ memory, score }) => ({ memory, score })),
      cache: NO_CACHE,
      degraded,
      tookMs,
    }
  }
}

function without(
  safe: StrategyResult | undefined,
  part: string,
  { strategy }: StrategyRequest,
): StrategyResult {
  if (safe) return { ...safe, degraded: [...new Set([...safe.degraded, part])] }
  return {
    strategy: strategy === 'auto' ? 'per_query' : strategy,
    context: '',
    block: '',
    delta: '',
    tokens: 0,
    memories: [],
    cache: NO_CACHE,
    degraded: [part],
    tookMs: { embed: 0, search: 0, render: 0, total: 0 },
  }
}

import { AppError } from '../../errors.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { Scope } from '../../scope.ts'
import type { Recall } from '../recall.ts'
import type { Cached, CachedRequest } from './cached.ts'
import { NO_CACHE, type Strategy, type StrategyRequest, type StrategyResult } from './request.ts'
import { blockInstead, nothingInstead, type ProfileText, profileInstead } from './stand-in.ts'

export interface StrategiesOptions {
  recall: Recall
  cached: Cached
  /** What is known of the user whatever is asked; for when the answer is late. Rejects when that is not to be had. */
  profile: (scope: Scope, request: StrategyRequest) => Promise<ProfileText>
  /** Milliseconds within which a recall is answered, with what there is by then. */
  deadlineMs: number
  /** Told of every answer to a turn of a conversation. Never throws and never waits. */
  onAnswer: (answer: Answered) => void
  /** Epoch milliseconds. */
  now: () => number
  /** What `auto` stands for where a conversation, a turn and a window are known. */
  auto?: Strategy
  /** Told of every turn of a conversation that a cached block is asked for. */
  onRecall?:
    | ((scope: Scope, conversationId: string, view: { turn: number; windowSize: number }) => void)
    | undefined
}

export interface Answered {
  scope: Scope
  request: StrategyRequest
  result: StrategyResult
  /** Epoch milliseconds at which the recall began. */
  at: number
}

/** What could be answered instead, should the answer be late or fail. */
interface StandIns {
  block: StrategyResult | undefined
  profile: ProfileText | undefined
}

/** Part of the deadline after which an answer is late enough for the profile to be made ready. */
const PROFILE_AFTER = 0.5

/**
 * Recall by strategy, within a deadline. When the answer is late or broken, what stands in for it is, in this order:
 * the last block that may still be served, the profile, nothing; `degraded` says what was done without, and last what
 * stands in. Where only the cache is broken the answer is the one per query.
 */
export class Strategies {
  readonly #options: StrategiesOptions

  constructor(options: StrategiesOptions) {
    this.#options = options
  }

  /** @throws {AppError} `backend_unavailable` when nothing can be read at all */
  async recall(scope: Scope, request: StrategyRequest): Promise<StrategyResult> {
    const started = performance.now()
    const { deadlineMs, now, onAnswer } = this.#options
    const at = now()
    const standIns: StandIns = { block: undefined, profile: undefined }
    let timer: NodeJS.Timeout | undefined
    try {
      // When the deadline wins, nobody listens any more to how the answer ends.
      const first = await new Promise<StrategyResult | 'late'>((resolve, reject) => {
        timer = setTimeout(() => {
          void this.#readProfile(scope, request, standIns)
          timer = setTimeout(() => resolve('late'), deadlineMs * (1 - PROFILE_AFTER))
        }, deadlineMs * PROFILE_AFTER)
        this.#answer(scope, request, standIns).then(resolve, reject)
      })
      const answered = first === 'late' ? instead(standIns, 'deadline', request) : first
      const result = {
        ...answered,
        tookMs: { ...answered.tookMs, total: performance.now() - started },
      }
      onAnswer({ scope, request, result, at })
      return result
    } finally {
      clearTimeout(timer)
    }
  }

  async #answer(scope: Scope, request: StrategyRequest, standIns: StandIns): Promise<StrategyResult> {
    try {
      return await this.#recall(scope, request, standIns)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      // The store is away; a block that was to be renewed, or to which a delta was to be added, still holds.
      if (!standIns.block) await this.#readProfile(scope, request, standIns)
      if (!standIns.block && !standIns.profile) throw error
      return instead(standIns, 'records', request)
    }
  }

  /** Never rejects: without a profile there is nothing to stand in. */
  async #readProfile(scope: Scope, request: StrategyRequest, standIns: StandIns): Promise<void> {
    // What filters let through is for the caller to say, and a profile knows nothing of filters.
    if (standIns.block || request.filter) return
    try {
      standIns.profile = await this.#options.profile(scope, request)
    } catch {}
  }

  async #recall(scope: Scope, request: StrategyRequest, standIns: StandIns): Promise<StrategyResult> {
    const cachedRequest = this.#cachedRequest(request)
    if (!cachedRequest) return await this.#perQuery(scope, request)
    this.#options.onRecall?.(scope, cachedRequest.conversationId, cachedRequest)
    try {
      return await this.#options.cached.recall(scope, cachedRequest, (safe) => {
        standIns.block = safe
      })
    } catch (error) {
      if (!(error instanceof CacheUnavailable)) throw error
      const result = await this.#perQuery(scope, request)
      return { ...result, degraded: [...new Set([...result.degraded, 'cache'])] }
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
    const { found, rendered, degraded, tookMs, known } = await this.#options.recall.perQuery(scope, request)
    return {
      strategy: 'per_query',
      context: rendered.text,
      // All of it belongs to this query, so it goes next to the query and not into the stable part of the prompt.
      block: '',
      delta: rendered.text,
      tokens: rendered.tokens,
      memories: found.map(({ memory, score }) => ({ memory, score })),
      cache: NO_CACHE,
      known,
      degraded,
      tookMs,
    }
  }
}

function instead({ block, profile }: StandIns, missing: string, request: StrategyRequest): StrategyResult {
  if (block) return blockInstead(block, missing)
  return profile ? profileInstead(profile, missing, request) : nothingInstead(missing, request)
}

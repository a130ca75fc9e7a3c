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
  /** The user's profile, the fallback for a late answer. Rejects when it is unavailable. */
  profile: (scope: Scope, request: StrategyRequest) => Promise<ProfileText>
  /** Milliseconds after which a recall is answered with the best available fallback. */
  deadlineMs: number
  /** Called with every answer to a turn of a conversation. Must not throw or block. */
  onAnswer: (answer: Answered) => void
  /** Epoch milliseconds. */
  now: () => number
  /** The strategy that `auto` selects when conversation, turn and window size are given. */
  auto?: Strategy
  /** Called for every recall that may use a cached block. */
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

/** Fallbacks for a late or failed answer. */
interface StandIns {
  block: StrategyResult | undefined
  profile: ProfileText | undefined
}

/** Fraction of the deadline after which the profile is prepared as a fallback. */
const PROFILE_AFTER = 0.5

/**
 * Recall by strategy, within a deadline. Fallbacks for a late or failed answer are, in this order: the last block that may
 * still be served, the profile, nothing. `degraded` names what is missing, then the fallback. Where only the cache is
 * unavailable, the answer is that of `per_query`.
 */
export class Strategies {
  readonly #options: StrategiesOptions

  constructor(options: StrategiesOptions) {
    this.#options = options
  }

  /** @throws {AppError} `backend_unavailable` when nothing can be read and there is no fallback */
  async recall(scope: Scope, request: StrategyRequest): Promise<StrategyResult> {
    const started = performance.now()
    const { deadlineMs, now, onAnswer } = this.#options
    const at = now()
    const standIns: StandIns = { block: undefined, profile: undefined }
    let timer: NodeJS.Timeout | undefined
    try {
      // After the deadline, the outcome of the answer is ignored.
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
      // The store is unavailable; a block that was about to be renewed or extended is still valid.
      if (!standIns.block) await this.#readProfile(scope, request, standIns)
      if (!standIns.block && !standIns.profile) throw error
      return instead(standIns, 'records', request)
    }
  }

  /** Never rejects: without a profile, that fallback is missing. */
  async #readProfile(scope: Scope, request: StrategyRequest, standIns: StandIns): Promise<void> {
    // A profile cannot apply the caller's filter.
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

  /** `undefined` when the request cannot use a cached block. */
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
      // The text depends on the query, so it must not be in the stable part of the prompt.
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

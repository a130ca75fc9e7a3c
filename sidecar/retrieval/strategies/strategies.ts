import type { Scope } from '../../memory/model/scope.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import { AppError, ClientDisconnected } from '../../ports/errors.ts'
import type { ProfileText } from '../profile/profiles.ts'
import type { Recall } from '../recall.ts'
import type { CachedRequest, CachedStrategies } from './cached.ts'
import {
  NO_TIME,
  type Strategy,
  type StrategyRequest,
  type StrategyResult,
  type UncachedReason,
  uncached,
} from './request.ts'

export interface StrategiesOptions {
  recall: Recall
  cached: CachedStrategies
  /** Reads the user's profile, a fallback. Rejects when it is unavailable. */
  profile: (scope: Scope, request: StrategyRequest) => Promise<ProfileText>
  deadlineMs: number
  /** Called with every answer to a turn of a conversation. Must not throw or block. */
  onAnswer: (answer: Answered) => void
  /** Epoch milliseconds. */
  now: () => number
  auto: Strategy
  /** Called for every recall that may use a cached block. */
  onRecall: (scope: Scope, conversationId: string, view: { turn: number; windowSize: number }) => void
}

export interface Answered {
  scope: Scope
  request: StrategyRequest
  result: StrategyResult
  /** Start of the recall, epoch milliseconds. */
  at: number
}

/** The fallbacks that are available so far. */
interface Fallbacks {
  /** A correct block. */
  block: StrategyResult | undefined
  profile: ProfileText | undefined
}

/** Fraction of the deadline after which the profile is read as a fallback. */
const PROFILE_AFTER = 0.5

/**
 * Recall by strategy, within a deadline. Fallbacks for a late or failed answer, in this order: the last block that may
 * still be served, the profile, nothing. `degraded` names what is missing, then the fallback. Where only the cache is
 * unavailable, the answer is that of `per_query`.
 */
export class Strategies {
  readonly #options: StrategiesOptions

  constructor(options: StrategiesOptions) {
    this.#options = options
  }

  /** For the whole answer, milliseconds. */
  get deadlineMs(): number {
    return this.#options.deadlineMs
  }

  /** @throws {AppError} `backend_unavailable` when nothing can be read and there is no fallback */
  async recall(scope: Scope, request: StrategyRequest): Promise<StrategyResult> {
    const started = performance.now()
    const { deadlineMs, now, onAnswer } = this.#options
    const at = now()
    const fallbacks: Fallbacks = { block: undefined, profile: undefined }
    let profileReading: AbortController | undefined
    const profileTimer = setTimeout(() => {
      profileReading = new AbortController()
      void this.#readProfile(scope, { ...request, signal: profileReading.signal }, fallbacks)
    }, deadlineMs * PROFILE_AFTER)
    let deadline: NodeJS.Timeout | undefined
    // Not p-timeout: it creates an error with a stack for every call, a tenth of a cached recall.
    const late = new Promise<StrategyResult>((resolve) => {
      deadline = setTimeout(() => resolve(toFallbackResult(fallbacks, 'deadline', request)), deadlineMs)
    })
    const answered = await Promise.race([this.#answer(scope, request, fallbacks), late]).finally(() => {
      clearTimeout(profileTimer)
      clearTimeout(deadline)
      // Under load, reading a profile that is no longer needed would delay the next recalls.
      profileReading?.abort()
    })
    const result = { ...answered, tookMs: { ...answered.tookMs, total: performance.now() - started } }
    if (request.shadow === undefined) onAnswer({ scope, request, result, at })
    return result
  }

  async #answer(scope: Scope, request: StrategyRequest, fallbacks: Fallbacks): Promise<StrategyResult> {
    try {
      return await this.#recall(scope, request, fallbacks)
    } catch (error) {
      if (!(error instanceof AppError) || error instanceof ClientDisconnected) throw error
      // The store is unavailable; a block that was about to be renewed or extended is still correct.
      if (!fallbacks.block) await this.#readProfile(scope, request, fallbacks)
      if (!fallbacks.block && !fallbacks.profile) throw error
      return toFallbackResult(fallbacks, 'records', request)
    }
  }

  /** Never rejects: if the profile is unavailable, there is no such fallback. */
  async #readProfile(scope: Scope, request: StrategyRequest, fallbacks: Fallbacks): Promise<void> {
    // A profile cannot apply the filter of the request.
    if (fallbacks.block || request.filter) return
    try {
      fallbacks.profile = await this.#options.profile(scope, request)
    } catch {}
  }

  async #recall(scope: Scope, request: StrategyRequest, fallbacks: Fallbacks): Promise<StrategyResult> {
    const cachedRequest = this.#toCachedRequest(request)
    if (typeof cachedRequest === 'string') return await this.#recallPerQuery(scope, request, cachedRequest)
    if (request.shadow === undefined) {
      this.#options.onRecall(scope, cachedRequest.conversationId, cachedRequest)
    }
    try {
      return await this.#options.cached.recall(scope, cachedRequest, (result) => {
        fallbacks.block = result
      })
    } catch (error) {
      if (!(error instanceof CacheUnavailable)) throw error
      const result = await this.#recallPerQuery(scope, request, 'unavailable')
      return { ...result, degraded: [...new Set([...result.degraded, 'cache'])] }
    }
  }

  /** Returns the reason if the request cannot use a cached block. */
  #toCachedRequest(request: StrategyRequest): CachedRequest | UncachedReason {
    const { conversationId, turn, windowSize } = request
    const strategy = request.strategy === 'auto' ? this.#options.auto : request.strategy
    if (strategy === 'per_query') return 'disabled'
    if (conversationId === undefined) return 'no_conversation'
    if (turn === undefined) return 'no_turn'
    if (windowSize === undefined) return 'no_window'
    return windowSize <= 1 ? 'window_too_small' : { ...request, strategy, conversationId, turn, windowSize }
  }

  async #recallPerQuery(
    scope: Scope,
    request: StrategyRequest,
    reason: UncachedReason,
  ): Promise<StrategyResult> {
    const { found, rendered, degraded, tookMs, coverage } = await this.#options.recall.recallPerQuery(
      scope,
      request,
    )
    return {
      strategy: 'per_query',
      context: rendered.text,
      // The text depends on the query, so it must not be in the stable part of the prompt.
      block: '',
      delta: rendered.text,
      tokens: rendered.tokens,
      memories: found.map(({ memory, score }) => ({ memory, score })),
      cache: uncached(reason),
      coverage,
      degraded,
      tookMs,
    }
  }
}

/** @param missing the part that was late or failed */
function toFallbackResult(
  { block, profile }: Fallbacks,
  missing: string,
  { strategy }: StrategyRequest,
): StrategyResult {
  if (block) return { ...block, degraded: [...new Set([...block.degraded, missing, 'block'])] }
  // A profile is not stable over turns, so it is returned as the delta.
  const { text, tokens, memories } = profile ?? { text: '', tokens: 0, memories: [] }
  return {
    strategy: strategy === 'auto' ? 'per_query' : strategy,
    context: text,
    block: '',
    delta: text,
    tokens,
    memories: memories.map((memory) => ({ memory, score: 0 })),
    cache: uncached(strategy === 'per_query' ? 'disabled' : 'unavailable'),
    degraded: [missing, text === '' ? 'nothing' : 'profile'],
    tookMs: NO_TIME,
  }
}

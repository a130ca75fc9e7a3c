import type { Memory } from '../../memory/memory.ts'
import { NO_CACHE, type StrategyRequest, type StrategyResult } from './request.ts'

/** A profile as far as a recall needs it. */
export interface ProfileText {
  /** The empty string when nothing is known. */
  text: string
  /** o200k. */
  tokens: number
  memories: readonly Memory[]
}

/** The last block that may still be served, in place of an answer that is late or broken. */
export function blockInstead(safe: StrategyResult, missing: string): StrategyResult {
  return { ...safe, degraded: [...new Set([...safe.degraded, missing, 'block'])] }
}

/** What is known of the user whatever is asked. It belongs to this turn only, so it goes next to the query. */
export function profileInstead(
  { text, tokens, memories }: ProfileText,
  missing: string,
  request: StrategyRequest,
): StrategyResult {
  if (text === '') return nothingInstead(missing, request)
  return {
    ...nothingInstead(missing, request),
    ...{ context: text, delta: text, tokens, degraded: [missing, 'profile'] },
    memories: memories.map((memory) => ({ memory, score: 0 })),
  }
}

export function nothingInstead(missing: string, { strategy }: StrategyRequest): StrategyResult {
  return {
    strategy: strategy === 'auto' ? 'per_query' : strategy,
    context: '',
    block: '',
    delta: '',
    tokens: 0,
    memories: [],
    cache: NO_CACHE,
    degraded: [missing, 'nothing'],
    tookMs: { embed: 0, search: 0, render: 0, total: 0 },
  }
}

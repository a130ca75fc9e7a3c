import { mayServe } from '../../memory/model/window-rule.ts'
import type { Counters } from '../../ports/scope-state.ts'
import { cosine } from '../ranking/similarity-scale.ts'
import type { Block } from './block.ts'
import type { TurnPlace, TurnTracker } from './watermark.ts'

/**
 * Why a block was served or built. `first`: no block was stored. `window`: turns that it does not include have left the
 * window. `fence`: a memory was removed or corrected. `write`: a memory was added, and the request has freshness
 * `write`. `ttl`: expired. `topic_shift`: the query has another topic. `forced`: the request has `refresh`.
 */
export const BLOCK_REASONS = [
  'hit',
  'first',
  'window',
  'fence',
  'write',
  'ttl',
  'topic_shift',
  'forced',
] as const
export type BlockReason = (typeof BLOCK_REASONS)[number]

/** The parts of a request that decide whether a block may be served. */
export interface ServeConditions extends TurnPlace {
  windowSize: number
  freshness: 'window' | 'write'
  isForced: boolean
  /** Cosine below which the query has another topic than the block's query, and the query's embedding. */
  shift?: { threshold: number; vector: () => Promise<Float32Array | undefined> } | undefined
}

export interface Freshness {
  reason: BlockReason
  /** Whether the block is correct, so that it may be served if no better block is available. */
  isCorrect: boolean
}

/** Checks correctness before preferences, and cheap conditions before expensive ones. */
export async function checkFreshness(
  block: Block,
  counters: Counters,
  conditions: ServeConditions,
  { turns, now }: { turns: TurnTracker; now: number },
): Promise<Freshness> {
  const { turn, windowSize, freshness, isForced, shift } = conditions
  if (block.fence !== counters.fence) return { reason: 'fence', isCorrect: false }
  if (block.expiresAt <= now) return { reason: 'ttl', isCorrect: false }
  if (!mayServe(turn, block.watermark, windowSize)) return { reason: 'window', isCorrect: false }
  const hasChanged = block.epoch !== counters.epoch
  // A turn that was a hole when the block was built, or that follows a regenerated turn, may be in no window.
  if (hasChanged && (await turns.hasHiddenAdditions(conditions, windowSize, block.lastTurn))) {
    return { reason: 'window', isCorrect: false }
  }
  if (isForced) return { reason: 'forced', isCorrect: true }
  if (hasChanged && freshness === 'write') return { reason: 'write', isCorrect: true }
  if (shift && block.vector) {
    const vector = await shift.vector()
    if (vector && cosine(vector, block.vector) < shift.threshold) {
      return { reason: 'topic_shift', isCorrect: true }
    }
  }
  return { reason: 'hit', isCorrect: true }
}

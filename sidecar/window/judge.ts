import type { Counters } from '../ports/scope-state.ts'
import type { Block } from './block.ts'
import { mayServe } from './rule.ts'
import type { Turns } from './watermark.ts'

/**
 * Why a block was served or built. `first`: there was none. `window`: turns that it does not know have left the
 * window. `fence`: something was removed or corrected. `write`: something was added, and the caller wants to know of
 * that at once. `ttl`: too old. `topic_shift`: the query is about something else. `forced`: the caller said so.
 */
export type BlockReason = 'hit' | 'first' | 'window' | 'fence' | 'write' | 'ttl' | 'topic_shift' | 'forced'

export interface Circumstances {
  scope: string
  conversationId: string
  turn: number
  windowSize: number
  freshness: 'window' | 'write'
  isForced: boolean
  /** Cosine below which the query is about something else than the block's, and the query's own vector. */
  shift?: { threshold: number; vector: () => Promise<Float32Array | undefined> } | undefined
}

export interface Verdict {
  reason: BlockReason
  /** Whether it may be served should nothing better be had: nothing in it is wrong, and nothing is hidden by it. */
  isSafe: boolean
}

/** Whether a block may be served. The checks that cost nothing come first; all that protect correctness, before others. */
export async function judge(
  block: Block,
  counters: Counters,
  circumstances: Circumstances,
  { turns, now }: { turns: Turns; now: number },
): Promise<Verdict> {
  const { turn, windowSize, freshness, isForced, shift } = circumstances
  if (block.fence !== counters.fence) return { reason: 'fence', isSafe: false }
  if (block.expiresAt <= now) return { reason: 'ttl', isSafe: false }
  if (!mayServe(turn, block.watermark, windowSize)) return { reason: 'window', isSafe: false }
  const hasChanged = block.epoch !== counters.epoch
  // A hole of then, or what came after a turn that is asked again: added since, and shown by no window.
  if (hasChanged && (await turns.hidesAdded(circumstances, windowSize, block.lastTurn))) {
    return { reason: 'window', isSafe: false }
  }
  if (isForced) return { reason: 'forced', isSafe: true }
  if (hasChanged && freshness === 'write') return { reason: 'write', isSafe: true }
  if (shift && block.vector) {
    const vector = await shift.vector()
    if (vector && cosine(vector, block.vector) < shift.threshold) {
      return { reason: 'topic_shift', isSafe: true }
    }
  }
  return { reason: 'hit', isSafe: true }
}

/** Of two vectors of length 1; 0 for those of different embedders. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return 0
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

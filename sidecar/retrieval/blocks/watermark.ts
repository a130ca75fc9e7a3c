import { NO_TURN, turnRecordId } from '../../memory/model/turns.ts'
import { getConversation } from '../../memory/repositories/turns.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState, TurnSeen } from '../../ports/scope-state.ts'

/** Progress of a conversation, relative to the turn of a recall. */
interface Progress {
  /**
   * The greatest turn such that every turn up to it has been added or is a hole (not added, and no longer expected).
   * Always below the turn of the recall.
   */
  watermark: number
  /** The latest added turn, `NO_TURN` for none. Turns above it and up to the watermark are holes. */
  lastTurn: number
}

/** A turn of one conversation of one scope. */
export interface TurnPlace {
  scope: string
  conversationId: string
  turn: number
}

export type TurnTracker = ReturnType<typeof createTurnTracker>

interface TurnTrackerOptions {
  records: RecordStore
  state: Pick<ScopeState, 'turns'>
  settleMs: number
  /** Epoch milliseconds. */
  now: () => number
}

/** Maximum number of possible holes that are checked; with more, one of them is assumed to be added. */
const MAX_HOLES = 64

/** Derives the progress of conversations from the stored turns and the recorded recalls. */
export function createTurnTracker({ records, state, settleMs, now }: TurnTrackerOptions) {
  const isAdded = async (scope: string, conversationId: string, turn: number) =>
    (await records.get('turns', scope, turnRecordId(conversationId, turn))) !== undefined

  const isExpected = ({ recalledAt, addedAt }: TurnSeen) =>
    recalledAt !== null && addedAt === null && Math.abs(now() - recalledAt) < settleMs

  return {
    /** Must be read before the memories, so that the memories include every turn up to the watermark. */
    async readProgress({ scope, conversationId, turn }: TurnPlace): Promise<Progress> {
      const conversation = await getConversation(records, scope, conversationId)
      const seen = await state.turns(scope, conversationId)
      let watermark = turn - 1
      for (const one of [...seen].sort((a, b) => a.turn - b.turn)) {
        if (one.turn >= turn) break
        if (!isExpected(one) || (await isAdded(scope, conversationId, one.turn))) continue
        watermark = one.turn - 1
        break
      }
      return { watermark, lastTurn: conversation?.last_turn ?? NO_TURN }
    },
    /**
     * Whether a turn above `lastTurn` has been added that is outside the window of this turn. Turns up to `lastTurn`
     * need no check: adding one of them moves the fence.
     */
    async hasHiddenAdditions(
      { scope, conversationId, turn }: TurnPlace,
      windowSize: number,
      lastTurn: number,
    ): Promise<boolean> {
      const last = (await getConversation(records, scope, conversationId))?.last_turn ?? NO_TURN
      if (last <= lastTurn) return false
      // A regenerated turn: the turns after it are in no window of the new thread.
      if (last > turn) return true
      const lastHidden = Math.min(last, turn - windowSize)
      if (lastHidden - lastTurn > MAX_HOLES) return true
      for (let hidden = lastTurn + 1; hidden <= lastHidden; hidden++) {
        if (await isAdded(scope, conversationId, hidden)) return true
      }
      return false
    },
  }
}

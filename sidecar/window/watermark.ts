import { getConversation } from '../memory/repositories/conversations.ts'
import { turnRecordId } from '../memory/turns.ts'
import type { RecordStore } from '../ports/records.ts'
import type { ScopeState, TurnSeen } from '../ports/scope-state.ts'

/** How far a conversation has come, as seen by the recall of one of its turns. */
export interface Progress {
  /**
   * The greatest turn such that every turn up to it has been added, and so can be searched, or is a hole: was not
   * handed over and is not expected any more. Always below the turn in flight.
   */
  watermark: number
  /** The latest turn that has been added; those above it and up to the watermark are holes. 0 for none. */
  lastTurn: number
}

/** A turn of one conversation of one scope. */
export interface TurnPlace {
  /** Key of the scope. */
  scope: string
  conversationId: string
  turn: number
}

export interface Turns {
  /**
   * Must be read before the memories are: a turn that is added in between is then known without being counted on, and
   * not counted on without being known.
   */
  progress(place: TurnPlace): Promise<Progress>
  /**
   * Whether a turn has been added since that this one does not see in its window of size `windowSize`. Only turns
   * above the latest one of then come in order; any other has moved the fence.
   */
  hidesAdded(place: TurnPlace, windowSize: number, lastTurnThen: number): Promise<boolean>
}

export interface TurnsOptions {
  records: RecordStore
  state: Pick<ScopeState, 'turns'>
  /** Milliseconds for which a turn is expected after its recall was seen. */
  settleMs: number
  /** Epoch milliseconds. */
  now: () => number
}

/** Holes that are looked at one by one; among more, one counts as added. */
const MAX_HOLES = 64

/** What has become of the turns of conversations, by what the store holds and what recalls have seen. */
export function createTurns({ records, state, settleMs, now }: TurnsOptions): Turns {
  const isAdded = async (scope: string, conversationId: string, turn: number) =>
    (await records.get('turns', scope, turnRecordId(conversationId, turn))) !== undefined

  const isExpected = ({ recalledAt, addedAt }: TurnSeen) =>
    recalledAt !== null && addedAt === null && Math.abs(now() - recalledAt) < settleMs

  return {
    async progress({ scope, conversationId, turn }) {
      const conversation = await getConversation(records, scope, conversationId)
      const seen = await state.turns(scope, conversationId)
      let watermark = turn - 1
      for (const one of [...seen].sort((a, b) => a.turn - b.turn)) {
        if (one.turn >= turn) break
        if (!isExpected(one) || (await isAdded(scope, conversationId, one.turn))) continue
        watermark = one.turn - 1
        break
      }
      return { watermark, lastTurn: conversation?.last_turn ?? 0 }
    },
    async hidesAdded({ scope, conversationId, turn }, windowSize, lastTurnThen) {
      const last = (await getConversation(records, scope, conversationId))?.last_turn ?? 0
      if (last <= lastTurnThen) return false
      // The number went backwards: what came after it is in no window of this thread.
      if (last > turn) return true
      const lastHidden = Math.min(last, turn - windowSize)
      if (lastHidden - lastTurnThen > MAX_HOLES) return true
      for (let hidden = lastTurnThen + 1; hidden <= lastHidden; hidden++) {
        if (await isAdded(scope, conversationId, hidden)) return true
      }
      return false
    },
  }
}

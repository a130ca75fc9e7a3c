import type { Memory, Source } from '../memory/memory.ts'
import type { Turn } from '../memory/turns.ts'
import { isWithin, type Knowledge } from '../window/knowledge.ts'
import { isInWindow } from '../window/rule.ts'
import type { TimelineRow } from './rows.ts'

/** A turn as far as coverage asks for it. */
export type StoredTurn = Pick<
  Turn,
  'id' | 'conversation_id' | 'memory_ids' | 'revision' | 'created_at' | 'updated_at'
> & { turn: number }

/**
 * The turns of a conversation with something that is remembered which a recall hid: they were added before it, the
 * window did not show them, and what was served was put together without them. Worked out of what is stored, and not
 * of what the cache believed: neither watermark nor counters are asked. There must be none.
 *
 * @param find a memory by its id, if it is still there: what has been deleted since cannot be judged any more
 */
export async function uncoveredTurns(
  row: TimelineRow,
  stored: readonly StoredTurn[],
  find: (id: string) => Promise<Memory | undefined>,
): Promise<number[]> {
  const uncovered: number[] = []
  for (const turn of stored) {
    if (turn.created_at >= row.at || isCovered(turn, row)) continue
    // What it said before it was posted again is not known any more.
    if (turn.revision > 1 && turn.updated_at >= row.at) continue
    const facts = await Promise.all(turn.memory_ids.map(find))
    if (facts.some((fact) => fact && isHidden(fact, turn, row))) uncovered.push(turn.turn)
  }
  return uncovered
}

function isHidden(fact: Memory, turn: StoredTurn, row: TimelineRow): boolean {
  if (fact.created_at >= row.at) return false
  if (fact.expires_at !== null && fact.expires_at <= row.at) return false
  return !fact.sources.some((source) => source.turn_id !== turn.id && carries(source, fact, turn, row))
}

/** Whether a fact was to be had through another turn that says it too. */
function carries(source: Source, fact: Memory, turn: StoredTurn, row: TimelineRow): boolean {
  if (source.conversation_id === turn.conversation_id && source.turn !== null) {
    return isCovered({ turn: source.turn, created_at: fact.created_at }, row)
  }
  return fact.created_at < turn.created_at && fact.created_at < (row.known?.at ?? 0)
}

function isCovered(
  turn: Pick<StoredTurn, 'turn' | 'created_at'>,
  { turn: now, window_size, known }: TimelineRow,
) {
  return isInWindow(turn.turn, now, window_size ?? 0) || (known !== null && knows(known, turn))
}

function knows(
  { at, turns, from }: Knowledge,
  { turn, created_at }: Pick<StoredTurn, 'turn' | 'created_at'>,
) {
  if (turns === undefined) return created_at < at
  return (from !== undefined && turn < from) || isWithin(turn, turns)
}

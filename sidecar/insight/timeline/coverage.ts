import type { Memory, Source } from '../../memory/model/memory.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { isInWindow } from '../../memory/model/window-rule.ts'
import { includesTurn } from '../../retrieval/blocks/turn-coverage.ts'
import type { TimelineRow } from './rows.ts'

export type FindMemory = (id: string) => Promise<Memory | undefined>

/** The fields of a turn that coverage depends on. */
export type StoredTurn = Pick<
  Turn,
  'id' | 'conversation_id' | 'messages' | 'memory_ids' | 'revision' | 'created_at' | 'updated_at'
> & { turn: number }

/**
 * Returns the turns that a recall missed: they have memories, were added before the recall, were outside the window,
 * and were not included in the context. Computed from stored records only, without watermarks and counters, so that
 * it checks the cache independently. Must be empty.
 *
 * @param find returns a memory by id; memories deleted since the recall are ignored
 */
export async function uncoveredTurns(
  row: TimelineRow,
  stored: readonly StoredTurn[],
  find: FindMemory,
): Promise<number[]> {
  const uncovered: number[] = []
  for (const turn of stored) {
    if (turn.created_at >= row.at || isCovered(turn, row)) continue
    // The turn was replaced after the recall, and its earlier text is not stored.
    if (turn.revision > 1 && turn.updated_at >= row.at) continue
    const memories = await Promise.all(turn.memory_ids.map(find))
    if (memories.some((memory) => memory && isHidden(memory, turn, row))) uncovered.push(turn.turn)
  }
  return uncovered
}

function isHidden(memory: Memory, turn: StoredTurn, row: TimelineRow): boolean {
  if (memory.created_at >= row.at) return false
  if (memory.expires_at !== null && memory.expires_at <= row.at) return false
  return !memory.sources.some((source) => source.turn_id !== turn.id && covers(source, memory, turn, row))
}

/** Whether another source of the memory made it available to the recall. */
function covers(source: Source, memory: Memory, turn: StoredTurn, row: TimelineRow): boolean {
  if (source.conversation_id === turn.conversation_id && source.turn !== null) {
    return isCovered({ turn: source.turn, created_at: memory.created_at }, row)
  }
  return memory.created_at < turn.created_at && memory.created_at < (row.known?.at ?? 0)
}

function isCovered(
  { turn, created_at }: Pick<StoredTurn, 'turn' | 'created_at'>,
  { turn: recallTurn, window_size, known }: TimelineRow,
): boolean {
  if (isInWindow(turn, recallTurn, window_size ?? 0)) return true
  if (known === null) return false
  if (known.turns === undefined) return created_at < known.at
  return (known.from !== undefined && turn < known.from) || includesTurn(known.turns, turn)
}

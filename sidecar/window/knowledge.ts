import type { Memory } from '../memory/memory.ts'

/** Turns of a conversation as ranges, both ends included, in ascending order. */
export type TurnRanges = readonly (readonly [first: number, last: number])[]

/** Which turns of a conversation could be found when something was put together from the memories. */
export interface Knowledge {
  /** Epoch milliseconds at which the memories were begun to be read. */
  at: number
  /** Turns that a memory was said in; absent where the store was asked, which finds whatever there is by then. */
  turns?: TurnRanges | undefined
  /** Of these, the ones whose words waited to be learned from. */
  pending?: TurnRanges | undefined
  /** Turns below are not told one by one, and nothing is known of them. */
  from?: number | undefined
}

/** Ranges that are kept, the latest: a conversation of holes only is not told from its beginning. */
const MAX_RANGES = 100

/** What a reader of these memories can find of a conversation. */
export function knowledgeOf(memories: Iterable<Memory>, conversationId: string, at: number): Knowledge {
  const turns = new Set<number>()
  const pending = new Set<number>()
  for (const { kind, sources } of memories) {
    for (const { conversation_id, turn } of sources) {
      if (conversation_id !== conversationId || turn === null) continue
      turns.add(turn)
      if (kind === 'pending') pending.add(turn)
    }
  }
  const all = rangesOf(turns)
  const kept = all.slice(-MAX_RANGES)
  const from = all.length > kept.length ? (kept[0]?.[0] as number) : undefined
  return {
    at,
    turns: kept,
    pending: rangesOf(pending).slice(-MAX_RANGES),
    ...(from === undefined ? {} : { from }),
  }
}

export function isWithin(turn: number, ranges: TurnRanges): boolean {
  return ranges.some(([first, last]) => first <= turn && turn <= last)
}

/** The turns of some ranges, the latest so many, in ascending order. */
export function turnsIn(ranges: TurnRanges, most: number): number[] {
  const turns: number[] = []
  for (const [first, last] of ranges.toReversed()) {
    for (let turn = last; turn >= first && turns.length < most; turn--) turns.push(turn)
  }
  return turns.reverse()
}

function rangesOf(turns: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = []
  for (const turn of [...turns].sort((a, b) => a - b)) {
    const open = ranges.at(-1)
    if (open && open[1] === turn - 1) open[1] = turn
    else ranges.push([turn, turn])
  }
  return ranges
}

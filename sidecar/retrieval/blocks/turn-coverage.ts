import type { Memory } from '../../memory/model/memory.ts'

/** Turns of a conversation as ascending ranges, both ends included. */
export type TurnRanges = readonly (readonly [first: number, last: number])[]

/** The turns of a conversation that a recall could include. Stored in blocks and timelines. */
export interface TurnCoverage {
  /** Time before the memories were read, epoch milliseconds. */
  at: number
  /** Turns with a memory. Absent in old timeline rows: every turn added before `at`. */
  turns?: TurnRanges | undefined
  /** The part of `turns` that was pending. */
  pending?: TurnRanges | undefined
  /** Turns below this one are not listed and count as covered. */
  from?: number | undefined
}

/** Maximum number of ranges, the latest ones. */
const MAX_RANGES = 100

/**
 * @param at time before the memories were read, epoch milliseconds
 * @param isComplete whether `memories` are all memories, and not only the latest ones
 */
export function coverageOf(
  memories: Iterable<Memory>,
  conversationId: string,
  at: number,
  isComplete = true,
): TurnCoverage {
  const turns = new Set<number>()
  const pending = new Set<number>()
  for (const { kind, sources } of memories) {
    for (const { conversation_id, turn } of sources) {
      if (conversation_id !== conversationId || turn === null) continue
      turns.add(turn)
      if (kind === 'pending') pending.add(turn)
    }
  }
  const all = toRanges(turns)
  const kept = all.slice(-MAX_RANGES)
  const from = all.length > kept.length || !isComplete ? (kept[0]?.[0] ?? 0) : undefined
  return {
    at,
    turns: kept,
    pending: toRanges(pending).slice(-MAX_RANGES),
    ...(from === undefined ? {} : { from }),
  }
}

export function includesTurn(ranges: TurnRanges, turn: number): boolean {
  return ranges.some(([first, last]) => first <= turn && turn <= last)
}

/** The latest `limit` turns of the ranges, in ascending order. */
export function listTurns(ranges: TurnRanges, limit: number): number[] {
  const turns: number[] = []
  for (const [first, last] of ranges.toReversed()) {
    for (let turn = last; turn >= first && turns.length < limit; turn--) turns.push(turn)
  }
  return turns.reverse()
}

function toRanges(turns: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = []
  for (const turn of [...turns].sort((a, b) => a - b)) {
    const open = ranges.at(-1)
    if (open && open[1] === turn - 1) open[1] = turn
    else ranges.push([turn, turn])
  }
  return ranges
}

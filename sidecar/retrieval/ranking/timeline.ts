import type { Features } from '../../memory/search/entry.ts'

/** The values that determine the order in time. */
export type Moment = { id: string } & Pick<Features, 'conversationId' | 'turn' | 'ordinal' | 'at'>

/** Pause after which a new session starts. Longer than the half hour of web analytics: chats pause longer. */
const SESSION_GAP_MS = 3_600_000

export interface Timeline<T> {
  /** By conversation, then by time. An index into this array is called a place. */
  items: readonly T[]
  /** The turn that each place belongs to, numbered in order. */
  turnOf: Int32Array
  /** First place of each turn, then the number of places. */
  turns: readonly number[]
  /** Session of each turn. Two turns are neighbours only inside one session. */
  sessionOf: readonly number[]
}

/** Orders candidates. One without a conversation is a turn and a session of its own. */
export function buildTimeline<T extends Moment>(moments: readonly T[]): Timeline<T> {
  const items = moments.toSorted(compareMoments)
  const turnOf = new Int32Array(items.length)
  const turns: number[] = []
  const sessionOf: number[] = []
  let before: T | undefined
  for (const [place, moment] of items.entries()) {
    const session = sessionOf.at(-1) ?? -1
    const isSameSession = before !== undefined && sameSession(before, moment)
    if (!isSameSession || before?.turn === null || before?.turn !== moment.turn) {
      turns.push(place)
      sessionOf.push(isSameSession ? session : session + 1)
    }
    turnOf[place] = turns.length - 1
    before = moment
  }
  turns.push(items.length)
  return { items, turnOf, turns, sessionOf }
}

function sameSession(a: Moment, b: Moment): boolean {
  return a.conversationId !== null && a.conversationId === b.conversationId && b.at - a.at <= SESSION_GAP_MS
}

function compareMoments(a: Moment, b: Moment): number {
  if (a.conversationId !== b.conversationId) {
    if (a.conversationId === null) return -1
    if (b.conversationId === null) return 1
    return a.conversationId < b.conversationId ? -1 : 1
  }
  return (
    a.at - b.at ||
    (a.turn ?? -1) - (b.turn ?? -1) ||
    a.ordinal - b.ordinal ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  )
}

import type { Features } from '../../memory/search/entry.ts'

/** The values that determine the order in time. */
export type Moment = { id: string } & Pick<Features, 'conversationId' | 'turn' | 'ordinal' | 'at'>

/** Pause after which a new session starts. Longer than the half hour of web analytics: chats pause longer. */
const SESSION_GAP_MS = 3_600_000

export interface Timeline<T> {
  /** By conversation, then by time. An index into this array is called a place. */
  items: readonly T[]
  /** Session of each place. Two places are neighbours only inside one session. */
  sessions: Int32Array
  /** First place of each session, then the number of places. */
  starts: readonly number[]
}

/** Orders candidates. One without a conversation is its own session. */
export function buildTimeline<T extends Moment>(moments: readonly T[]): Timeline<T> {
  const items = moments.toSorted(compareMoments)
  const sessions = new Int32Array(items.length)
  const starts: number[] = []
  let before: T | undefined
  for (const [place, moment] of items.entries()) {
    if (!before || !sameSession(before, moment)) starts.push(place)
    sessions[place] = starts.length - 1
    before = moment
  }
  starts.push(items.length)
  return { items, sessions, starts }
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

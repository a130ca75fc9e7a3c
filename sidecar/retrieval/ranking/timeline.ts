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

/** Places around a place, all in its session. */
export interface Neighbours {
  /** The other memories of its turn. */
  turn: readonly number[]
  before: readonly number[]
  after: readonly number[]
  secondBefore: readonly number[]
  secondAfter: readonly number[]
  /** The memory said just before it, in its turn or at the end of the turn before; -1 if it is no candidate. */
  previous: number
}

const NONE: readonly number[] = []

/** A memory without a turn number is a turn of its own; the one before and after it are its neighbours. */
export function neighboursOf({ items, sessions }: Timeline<Moment>): Neighbours[] {
  const turns: { session: number; turn: number | null; places: number[] }[] = []
  const turnAt: number[] = []
  for (const [place, { turn }] of items.entries()) {
    const session = sessions[place] as number
    const last = turns.at(-1)
    if (last && last.session === session && last.turn === turn && turn !== null) last.places.push(place)
    else turns.push({ session, turn, places: [place] })
    turnAt.push(turns.length - 1)
  }
  // Turns between two candidates may be no candidates, so the numbers decide.
  const near = (at: number, distance: number): readonly number[] => {
    const origin = turns[at]
    for (const step of distance < 0 ? [-1, -2] : [1, 2]) {
      const other = turns[at + step]
      if (!origin || !other || other.session !== origin.session) return NONE
      const apart = origin.turn === null || other.turn === null ? step : other.turn - origin.turn
      if (apart === distance) return other.places
    }
    return NONE
  }
  return items.map((_, place): Neighbours => {
    const at = turnAt[place] as number
    const before = near(at, -1)
    const own = (turns[at] as (typeof turns)[number]).places
    return {
      turn: own.length > 1 ? own.filter((other) => other !== place) : NONE,
      before,
      after: near(at, 1),
      secondBefore: near(at, -2),
      secondAfter: near(at, 2),
      previous: own[0] === place ? (before.at(-1) ?? -1) : place - 1,
    }
  })
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

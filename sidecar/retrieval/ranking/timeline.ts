import type { Features } from '../../memory/search/entry.ts'

/** The values that determine the order in time. */
export interface Moment {
  id: string
  features: Pick<Features, 'conversationId' | 'turn' | 'ordinal' | 'at'>
}

/** Pause after which a new session starts. Longer than the half hour of web analytics: chats pause longer. */
const SESSION_GAP_MS = 3_600_000

export interface Timeline<T> {
  /** By conversation, then by time. An index into this array is called a place. */
  items: readonly T[]
  /** First place of each session, then the number of places. */
  sessions: readonly number[]
  turns: readonly Turn[]
  /** Index into `turns` by place. */
  turnOf: Int32Array
}

/** The places of one turn, from `start` to `end`, exclusive. */
export interface Turn {
  start: number
  end: number
  /** Indexes of the turns around it in its session; -1 where they are no candidates. */
  before: number
  after: number
  secondBefore: number
  secondAfter: number
}

/** Orders candidates. One without a conversation is its own session, and one without a turn number is its own turn. */
export function buildTimeline<T extends Moment>(moments: readonly T[]): Timeline<T> {
  const items = moments.toSorted(compareMoments)
  const sessions: number[] = []
  const turns: (Turn & { session: number; number: number | null })[] = []
  const turnOf = new Int32Array(items.length)
  for (const [place, moment] of items.entries()) {
    const previous = items[place - 1]
    if (!previous || !sameSession(previous, moment)) sessions.push(place)
    const session = sessions.length - 1
    const last = turns.at(-1)
    const { turn: number } = moment.features
    if (last && last.session === session && last.number === number && number !== null) last.end = place + 1
    else turns.push({ ...NOWHERE, session, number, start: place, end: place + 1 })
    turnOf[place] = turns.length - 1
  }
  sessions.push(items.length)
  // Turns between two candidates may be no candidates, so the numbers decide.
  const near = (at: number, distance: number): number => {
    const origin = turns[at]
    for (const step of distance < 0 ? [-1, -2] : [1, 2]) {
      const other = turns[at + step]
      if (!origin || !other || other.session !== origin.session) return -1
      const apart = origin.number === null || other.number === null ? step : other.number - origin.number
      if (apart === distance) return at + step
    }
    return -1
  }
  for (const [at, turn] of turns.entries()) {
    turn.before = near(at, -1)
    turn.after = near(at, 1)
    turn.secondBefore = near(at, -2)
    turn.secondAfter = near(at, 2)
  }
  return { items, sessions, turns, turnOf }
}

const NOWHERE = { before: -1, after: -1, secondBefore: -1, secondAfter: -1 }

function sameSession({ features: a }: Moment, { features: b }: Moment): boolean {
  return a.conversationId !== null && a.conversationId === b.conversationId && b.at - a.at <= SESSION_GAP_MS
}

function compareMoments({ id, features: a }: Moment, { id: otherId, features: b }: Moment): number {
  if (a.conversationId !== b.conversationId) {
    if (a.conversationId === null) return -1
    if (b.conversationId === null) return 1
    return a.conversationId < b.conversationId ? -1 : 1
  }
  return (
    a.at - b.at ||
    (a.turn ?? -1) - (b.turn ?? -1) ||
    a.ordinal - b.ordinal ||
    (id < otherId ? -1 : id > otherId ? 1 : 0)
  )
}

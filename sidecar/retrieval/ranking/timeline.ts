/** The fields of a memory that determine the order in time. */
export interface Moment {
  id: string
  conversationId: string | null
  turn: number | null
  /** Position within the turn. */
  ordinal: number
  /** Time of the statement, epoch milliseconds. */
  at: number
}

/** Pause after which a new session starts. Longer than the half hour of web analytics: chats pause longer. */
const SESSION_GAP_MS = 3_600_000

export interface Timeline {
  /** Slots by conversation, then by time. An index into this array is called a place. */
  slots: Int32Array
  /** Place of each slot; -1 for a free slot. */
  places: Int32Array
  /** Session of each place. Two places are neighbours only inside one session. */
  sessions: Int32Array
  /** First place of each session, then the number of places. */
  starts: number[]
}

/** Orders the occupied slots (`undefined` = free). A memory without a conversation is its own session. */
export function buildTimeline(moments: readonly (Moment | undefined)[]): Timeline {
  const order: number[] = []
  for (let slot = 0; slot < moments.length; slot++) if (moments[slot]) order.push(slot)
  order.sort((a, b) => compareMoments(moments[a] as Moment, moments[b] as Moment))
  const slots = Int32Array.from(order)
  const places = new Int32Array(moments.length).fill(-1)
  const sessions = new Int32Array(order.length)
  const starts: number[] = []
  let before: Moment | undefined
  for (let place = 0; place < order.length; place++) {
    const moment = moments[order[place] as number] as Moment
    if (!before || !sameSession(before, moment)) starts.push(place)
    sessions[place] = starts.length - 1
    places[order[place] as number] = place
    before = moment
  }
  starts.push(order.length)
  return { slots, places, sessions, starts }
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

import { setImmediate } from 'node:timers/promises'
import type { HistoryEvent, HistoryRow } from '../../memory/model/history.ts'
import type { Memory } from '../../memory/model/memory.ts'
import { NO_TURN, type Turn } from '../../memory/model/turns.ts'
import { scrollHistory } from '../../memory/repositories/history.ts'
import { scrollMemories } from '../../memory/repositories/memories.ts'
import type { OnInvalidRecord } from '../../memory/repositories/record.ts'
import { scrollTurns } from '../../memory/repositories/turns.ts'
import { scrollPastVersions } from '../../memory/repositories/versions.ts'
import type { RecordStore } from '../../ports/records.ts'

/** A stored turn without its messages. */
export interface PastTurn {
  id: string
  conversationId: string | null
  turn: number | null
  appId: string | null
  /** Epoch milliseconds. */
  saidAt: number
}

/** A memory that became visible in a version, or ceased to be visible. */
export interface Change {
  /** Position of the turn after which it is visible; −1 for before the first turn. */
  after: number
  memoryId: string
  /** `null`: the memory ended. */
  version: number | null
}

/** The turns of a user in chronological order, with the changes of memories that they caused. */
export interface Past {
  turns: PastTurn[]
  /** By position. */
  changes: Change[]
  /** Positions of the turns by id. */
  positions: ReadonlyMap<string, number>
}

type Event = Pick<HistoryRow, 'at' | 'version' | 'event' | 'turn_id'>

/** A version of a memory. */
interface Version {
  version: number
  createdAt: number
  sourceIds: string[]
  /** Its turn was replaced by another text, so the version was never visible. */
  isTakenBack: boolean
}

/** Memories whose changes are ordered before the event loop gets control. */
const MEMORIES_PER_SLICE = 200

const EVENT_ORDER: readonly HistoryEvent[] = ['ADD', 'UPDATE', 'RESTORE', 'DELETE']

/**
 * Reads the history of a user. A change that a turn caused applies from the end of that turn, even if the model extracted
 * it later, because the text of the turn is recallable until then. A change without a turn (a correction, a deletion, an
 * import) applies from its time.
 */
export async function readPast(
  records: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
): Promise<Past> {
  const turns = await readPastTurns(records, scope, onInvalid)
  const positions = new Map(turns.map(({ id }, position) => [id, position]))
  const versions = new Map<string, Version[]>()
  const addVersion = (memory: Memory) => {
    const known = versions.get(memory.id)
    if (known) known.push(toVersion(memory))
    else versions.set(memory.id, [toVersion(memory)])
  }
  for await (const { memory } of scrollMemories(records, scope, onInvalid)) addVersion(memory)
  for await (const { past } of scrollPastVersions(records, scope, onInvalid)) addVersion(past.memory)
  const events = new Map<string, Event[]>()
  for await (const { memory_id, at, version, event, turn_id } of scrollHistory(records, scope, onInvalid)) {
    const known = events.get(memory_id)
    if (known) known.push({ at, version, event, turn_id })
    else events.set(memory_id, [{ at, version, event, turn_id }])
  }
  const positionOf = ({ turn_id, at }: Pick<Event, 'turn_id' | 'at'>) =>
    positions.get(turn_id ?? '') ?? lastBefore(turns, at)
  const changes: Change[] = []
  let memories = 0
  for (const [memoryId, known] of versions) {
    const all = events.get(memoryId) ?? [firstEventOf(known)]
    changes.push(...changesOf(memoryId, known, all, positionOf, positions))
    memories += 1
    // The event loop of a sidecar also serves requests.
    if (memories % MEMORIES_PER_SLICE === 0) await setImmediate()
  }
  // Stable: the changes of a memory stay in order.
  return { turns, changes: changes.sort((a, b) => a.after - b.after), positions }
}

/** The turns of a user in chronological order. */
export async function readPastTurns(
  records: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
): Promise<PastTurn[]> {
  const turns: PastTurn[] = []
  for await (const turn of scrollTurns(records, scope, onInvalid)) turns.push(toPastTurn(turn))
  return turns.sort(bySaid)
}

function changesOf(
  memoryId: string,
  versions: readonly Version[],
  events: readonly Event[],
  positionOf: (event: Event) => number,
  positions: ReadonlyMap<string, number>,
): Change[] {
  const changes: Change[] = []
  const byNumber = new Map(versions.map((one) => [one.version, one]))
  const ordered = events.toSorted(
    (a, b) => a.version - b.version || EVENT_ORDER.indexOf(a.event) - EVENT_ORDER.indexOf(b.event),
  )
  let after = -1
  for (const event of ordered) {
    after = Math.max(after, positionOf(event))
    const version = byNumber.get(event.version)
    if (event.event === 'DELETE') changes.push({ after, memoryId, version: null })
    else if (version && !version.isTakenBack) changes.push({ after, memoryId, version: version.version })
  }
  // A turn that repeats a statement is another source of the version that is current at that turn.
  const again = versions
    .flatMap(({ sourceIds }) => sourceIds)
    .flatMap((id) => positions.get(id) ?? [])
    .flatMap((position) => {
      const current = changes.findLast((change) => change.after <= position)
      return current?.version && current.after < position ? [{ ...current, after: position }] : []
    })
  const distinct = new Map(again.map((change) => [change.after, change]))
  return [...changes, ...distinct.values()].sort((a, b) => a.after - b.after)
}

/** For memories without history, as some imports have. */
function firstEventOf(versions: readonly Version[]): Event {
  const { version, createdAt, sourceIds } = versions.reduce((a, b) => (b.version > a.version ? b : a))
  return { event: 'ADD', version, at: createdAt, turn_id: sourceIds[0] ?? null }
}

function toVersion({ version, created_at, sources, taken_back }: Memory): Version {
  const sourceIds = sources.map(({ turn_id }) => turn_id)
  return { version, createdAt: created_at, sourceIds, isTakenBack: taken_back === true }
}

function toPastTurn({ id, conversation_id, turn, app_id, messages, created_at }: Turn): PastTurn {
  const saidAt = messages.find(({ at }) => at !== undefined)?.at ?? created_at
  return { id, conversationId: conversation_id, turn, appId: app_id, saidAt }
}

function bySaid(a: PastTurn, b: PastTurn): number {
  const conversation = (a.conversationId ?? '') < (b.conversationId ?? '') ? -1 : 1
  return (
    a.saidAt - b.saidAt ||
    (a.conversationId === b.conversationId ? 0 : conversation) ||
    (a.turn ?? NO_TURN) - (b.turn ?? NO_TURN) ||
    (a.id < b.id ? -1 : 1)
  )
}

/** Position of the last turn that was said before a time; −1 for none. */
function lastBefore(turns: readonly PastTurn[], time: number): number {
  let [from, to] = [0, turns.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((turns[middle] as PastTurn).saidAt < time) from = middle + 1
    else to = middle
  }
  return from - 1
}

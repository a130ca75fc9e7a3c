import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { QdrantConnection } from './connection.ts'
import {
  type Entry,
  idsOf,
  JOURNAL,
  keyOf,
  type Part,
  requestsOf,
  toEntry,
  toPoint,
} from './journal-entries.ts'
import { type Kind, type Point, type PointPayload, type PointWrite, pointId } from './points.ts'
import { lastWrites, type Operation, update } from './writes.ts'

/** Records that an instance took over the entry of another one. */
export interface Mark {
  by: string
  done: boolean
}

/** The writes of each of several commits. */
export type Commits = readonly (readonly PointWrite[])[]

export interface Journal {
  readonly instance: string
  /**
   * Writes commits to the journal, those that share a scope as one entry. If `written` rejects, entries may or may not
   * exist: `finish` them before anything else.
   * @param memories Qdrant collection of the memories
   */
  write(commits: Commits, memories: string): { entries: Entry[]; written: Promise<void> }
  /** Operations on the documents that delete own entries, including those whose requests arrive later. */
  finish(entries: readonly Entry[]): Operation[]
  /** Complete, unfinished entries of other instances, in order. */
  unfinished(scope?: string): Promise<Entry[]>
  /** Marks by `keyOf` of their entry. */
  marksOf(entries: readonly Entry[]): Promise<Map<string, Mark>>
  /** Marks the entry as taken over by this instance. */
  take(entry: Entry): Promise<void>
  /** Operations that mark the entry of another instance as finished, also for that instance. */
  finishTaken(entry: Entry): Operation[]
  /** Deletes finished entries, and floors and marks of instances that no longer exist. */
  sweep(): Promise<void>
}

/** Upper bound for the delay of a request of a dead instance, microseconds. */
const KEPT_US = 86_400_000_000
const FLOOR: Kind = 'journal_floor'
const MARK: Kind = 'journal_mark'

/**
 * The write-ahead journal of all instances under a prefix, stored in the documents collection.
 *
 * Each instance has a floor: its entries up to this sequence are finished. A delayed request that creates an entry below
 * the floor has no effect. A mark has the same effect for a single entry that another instance took over.
 */
export function openJournal(connection: QdrantConnection, documents: string): Journal {
  const instance = randomUUID()
  let sequence = 0

  async function points(kind: Kind, scope?: string): Promise<{ id: string; payload: PointPayload }[]> {
    const must = [{ key: 'collection', match: { value: kind as string } }]
    if (scope !== undefined) must.push({ key: 'scope', match: { value: scope } })
    const found: { id: string; payload: PointPayload }[] = []
    let offset: string | undefined
    do {
      const page = await connection.run((client) =>
        client.scroll(documents, {
          filter: { must },
          // An entry may have 12 MiB.
          limit: kind === JOURNAL ? 2 : 1000,
          with_payload: true,
          ...(offset === undefined ? {} : { offset }),
        }),
      )
      for (const { id, payload } of page.points) {
        found.push({ id: String(id), payload: payload as unknown as PointPayload })
      }
      offset = typeof page.next_page_offset === 'string' ? page.next_page_offset : undefined
    } while (offset !== undefined)
    return found
  }

  function markPoint(entry: Entry, mark: Mark): Point {
    const now = Date.now() * 1000
    return toPoint(MARK, [entry.instance], String(entry.sequence), now, JSON.stringify(mark))
  }

  async function floorsOf(): Promise<Map<string, number>> {
    const floors = await points(FLOOR)
    return new Map(floors.map(({ payload }) => [String(payload.scope), Number(payload.order)]))
  }

  async function allMarks(): Promise<Map<string, Mark>> {
    const marks = await points(MARK)
    return new Map(
      marks.map(({ payload }) => [
        keyOf({ instance: String(payload.scope), sequence: Number(payload.record_id) }),
        JSON.parse(payload.payload) as Mark,
      ]),
    )
  }

  async function unfinishedOfAll(scope?: string): Promise<Entry[]> {
    const journal = await points(JOURNAL, scope)
    if (journal.length === 0) return []
    const [floors, marks] = [await floorsOf(), await allMarks()]
    const entries = new Map<string, Part[]>()
    for (const { payload } of journal) {
      const part = JSON.parse(payload.payload) as Part
      const key = keyOf(part)
      if (part.sequence <= (floors.get(part.instance) ?? 0) || marks.get(key)?.done) continue
      entries.set(key, [...(entries.get(key) ?? []), part])
    }
    return [...entries.values()]
      .flatMap((found) => toEntry(found) ?? [])
      .sort((a, b) => a.sequence - b.sequence)
  }

  return {
    instance,
    write(commits, memories) {
      const head = { instance, host: hostname(), pid: process.pid, memories }
      const numbered = byScopes(commits).map((writes) => {
        sequence = Math.max(sequence + 1, Date.now() * 1000)
        return { ...head, sequence, scopes: [...new Set(writes.map(({ scope }) => scope))], writes }
      })
      const { parts, requests } = requestsOf(numbered)
      const entries = numbered.map((entry, i) => ({ ...entry, parts: parts[i] as number }))
      const written = (async () => {
        for (const points of requests) await update(connection, documents, [{ upsert: { points } }])
      })()
      return { entries, written }
    },
    finish(entries) {
      const last = Math.max(...entries.map((entry) => entry.sequence))
      const floor = toPoint(FLOOR, [instance], 'floor', last, '{}')
      return [{ upsert: { points: [floor] } }, { delete: { points: entries.flatMap(idsOf) } }]
    },
    async unfinished(scope) {
      const entries = await unfinishedOfAll(scope)
      return entries.filter((entry) => entry.instance !== instance)
    },
    async marksOf(entries) {
      const ids = entries.map((entry) => pointId(MARK, entry.instance, String(entry.sequence)))
      const found = await connection.run((client) => client.retrieve(documents, { ids, with_payload: true }))
      return new Map(
        found.map(({ payload }) => {
          const { scope, record_id, payload: text } = payload as unknown as PointPayload
          return [keyOf({ instance: String(scope), sequence: Number(record_id) }), JSON.parse(text) as Mark]
        }),
      )
    },
    async take(entry) {
      await update(connection, documents, [
        { upsert: { points: [markPoint(entry, { by: instance, done: false })] } },
      ])
    },
    finishTaken(entry) {
      const mark = markPoint(entry, { by: instance, done: true })
      return [{ upsert: { points: [mark] } }, { delete: { points: idsOf(entry) } }]
    },
    async sweep() {
      const floors = await floorsOf()
      const isExpired = (order: number) => order < Date.now() * 1000 - KEPT_US
      const complete = new Set((await unfinishedOfAll()).map(keyOf))
      const stale = (await points(JOURNAL)).filter(({ payload }) => {
        const part = JSON.parse(payload.payload) as Part
        // An incomplete entry may be one that another process is writing.
        return (
          part.sequence <= (floors.get(part.instance) ?? 0) ||
          (isExpired(part.sequence) && !complete.has(keyOf(part)))
        )
      })
      const old = [...(await points(FLOOR)), ...(await points(MARK))].filter(({ payload }) =>
        isExpired(payload.order),
      )
      const ids = [...stale, ...old].map(({ id }) => id)
      if (ids.length > 0) await update(connection, documents, [{ delete: { points: ids } }])
    },
  }
}

/** Groups commits that share a scope; the groups can be finished independently. */
function byScopes(commits: Commits): PointWrite[][] {
  let joined: { scopes: Set<string>; writes: PointWrite[] }[] = []
  for (const commit of commits) {
    const scopes = new Set(commit.map(({ scope }) => scope))
    const others = joined.filter((one) => !one.scopes.isDisjointFrom(scopes))
    const all = {
      scopes: others.reduce((union, one) => union.union(one.scopes), scopes),
      writes: [...others.flatMap((one) => one.writes), ...commit],
    }
    joined = [...joined.filter((one) => !others.includes(one)), all]
  }
  return joined.map(({ writes }) => lastWrites(writes))
}

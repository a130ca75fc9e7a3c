import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { QdrantLink } from './connection.ts'
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

/** That somebody else than who noted it down carries an entry out, or has. */
export interface Mark {
  by: string
  done: boolean
}

/** The writes of each of several commits. */
export type Commits = readonly (readonly PointWrite[])[]

export interface Journal {
  readonly instance: string
  /**
   * Notes commits down, those of one scope as one entry. After a rejection entries may be there or not: `finish` them
   * before anything else.
   * @param memories Qdrant collection that memories go to
   */
  write(commits: Commits, memories: string): { entries: Entry[]; written: Promise<void> }
  /** Operations on the documents after which own entries are gone, also where they are yet to arrive. */
  finish(entries: readonly Entry[]): Operation[]
  /** What others noted down and nobody finished, in order; half an entry is not reported. */
  unfinished(scope?: string): Promise<Entry[]>
  /** Marks by `keyOf` their entry. */
  marksOf(entries: readonly Entry[]): Promise<Map<string, Mark>>
  /** Says that this instance carries the entry out. */
  take(entry: Entry): Promise<void>
  /** Operations after which the entry of another counts as finished, also for who noted it down. */
  finishTaken(entry: Entry): Operation[]
  /** Removes what is finished and was not struck, and what is left of instances long gone. */
  sweep(): Promise<void>
}

/** For so long a request of an instance that is gone could still arrive, by a wide margin. */
const KEPT_US = 86_400_000_000
const FLOOR: Kind = 'journal_floor'
const MARK: Kind = 'journal_mark'

/**
 * The journal of all that write under a prefix, kept among the documents.
 *
 * A floor of each instance says up to which entry all of its own are finished. It is there for the entry whose request
 * was given up and arrives after all: under the floor it counts for nothing. A mark says the same of a single entry
 * that another instance took over.
 */
export function openJournal(link: QdrantLink, documents: string): Journal {
  const instance = randomUUID()
  let sequence = 0

  async function points(kind: Kind, scope?: string): Promise<{ id: string; payload: PointPayload }[]> {
    const must = [{ key: 'collection', match: { value: kind as string } }]
    if (scope !== undefined) must.push({ key: 'scope', match: { value: scope } })
    const found: { id: string; payload: PointPayload }[] = []
    let offset: string | undefined
    do {
      const page = await link.run((client) =>
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
    const noted = await points(JOURNAL, scope)
    if (noted.length === 0) return []
    const [floors, marks] = [await floorsOf(), await allMarks()]
    const entries = new Map<string, Part[]>()
    for (const { payload } of noted) {
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
      const noted = byScopes(commits).map((writes) => {
        sequence = Math.max(sequence + 1, Date.now() * 1000)
        return { ...head, sequence, scopes: [...new Set(writes.map(({ scope }) => scope))], writes }
      })
      const { parts, requests } = requestsOf(noted)
      const entries = noted.map((entry, i) => ({ ...entry, parts: parts[i] as number }))
      const written = (async () => {
        for (const points of requests) await update(link, documents, [{ upsert: { points } }])
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
      const found = await link.run((client) => client.retrieve(documents, { ids, with_payload: true }))
      return new Map(
        found.map(({ payload }) => {
          const { scope, record_id, payload: text } = payload as unknown as PointPayload
          return [keyOf({ instance: String(scope), sequence: Number(record_id) }), JSON.parse(text) as Mark]
        }),
      )
    },
    async take(entry) {
      await update(link, documents, [
        { upsert: { points: [markPoint(entry, { by: instance, done: false })] } },
      ])
    },
    finishTaken(entry) {
      const mark = markPoint(entry, { by: instance, done: true })
      return [{ upsert: { points: [mark] } }, { delete: { points: idsOf(entry) } }]
    },
    async sweep() {
      const floors = await floorsOf()
      const bygone = (order: number) => order < Date.now() * 1000 - KEPT_US
      const whole = new Set((await unfinishedOfAll()).map(keyOf))
      const stale = (await points(JOURNAL)).filter(({ payload }) => {
        const part = JSON.parse(payload.payload) as Part
        // Half an entry may be one that another process is writing right now.
        return (
          part.sequence <= (floors.get(part.instance) ?? 0) ||
          (bygone(part.sequence) && !whole.has(keyOf(part)))
        )
      })
      const old = [...(await points(FLOOR)), ...(await points(MARK))].filter(({ payload }) =>
        bygone(payload.order),
      )
      const ids = [...stale, ...old].map(({ id }) => id)
      if (ids.length > 0) await update(link, documents, [{ delete: { points: ids } }])
    },
  }
}

/** Writes of commits that share a scope stay together; those of others can be finished each for itself. */
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

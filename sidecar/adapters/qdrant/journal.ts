import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type QdrantConnection, scrollPoints } from './connection.ts'
import {
  hasVectors,
  type Kind,
  type Point,
  type PointPayload,
  type PointWrite,
  payloadOf,
  pointId,
} from './points.ts'
import { chunks, groupByScopes, lastWrites, type Operation, scopesOf, update } from './writes.ts'

/** A group of writes that takes effect atomically; stored before the first of them is applied. */
export interface Entry {
  /** Id of the open store that wrote the entry. */
  instance: string
  /** Increases within an instance; epoch microseconds, so that it orders the entries of all instances. */
  sequence: number
  parts: number
  /** Scopes of the writes, usually one. */
  scopes: readonly string[]
  /** Qdrant collection of the memories; absent in entries of earlier versions. */
  memories?: string | undefined
  writes: readonly PointWrite[]
  /** The Qdrant collections of the writes: the entry is finished once each has its floor. Absent: only the documents have. */
  floors?: readonly Place[] | undefined
  /** Process that wrote the entry. */
  host: string
  pid: number
}

export type Place = 'documents' | 'memories'

/** Operations per Qdrant collection. */
export type Finish = { readonly [place in Place]?: readonly Operation[] }

/** The part of an entry that one point stores. */
interface Part extends Omit<Entry, 'writes' | 'scopes'> {
  part: number
  data: string
}

/** Records that an instance took over the entry of another one. */
interface Mark {
  by: string
  done: boolean
}

type EntryId = Pick<Entry, 'instance' | 'sequence'>

export type Journal = ReturnType<typeof openJournal>

/** Base64 characters of one part, and of one request. */
const PART_LENGTH = 12 * 1024 * 1024
/** Upper bound for the delay of a request of a dead instance, microseconds. */
const KEPT_US = 86_400_000_000
/** Delay before finished entries are deleted if no other entry is written, milliseconds. */
const DELETE_MS = 1000
const JOURNAL: Kind = 'journal'
const FLOOR: Kind = 'journal_floor'
const MARK: Kind = 'journal_mark'

export function keyOf({ instance, sequence }: EntryId): string {
  return `${instance}/${sequence}`
}

/**
 * The write-ahead journal of all instances under a prefix, stored in the documents collection.
 *
 * Each instance has a floor in each Qdrant collection: the writes of its entries up to this sequence are applied there. A
 * delayed request that creates an entry below the floors has no effect. A mark has the same effect for a single entry that
 * another instance took over. Finished entries are deleted together with the next entry.
 */
export function openJournal(connection: QdrantConnection, documents: string) {
  const instance = randomUUID()
  let sequence = 0
  /** Points of finished entries. */
  let finished: string[] = []
  let timer: NodeJS.Timeout | undefined

  async function points(kind: Kind, scope?: string, name = documents) {
    const must = [{ key: 'collection', match: { value: kind as string } }]
    if (scope !== undefined) must.push({ key: 'scope', match: { value: scope } })
    // An entry may have 12 MiB.
    const limit = kind === JOURNAL ? 2 : 1000
    const found = await scrollPoints(connection, name, { filter: { must }, limit, with_payload: true })
    return found.map(({ id, payload }) => ({ id, payload: payload as PointPayload }))
  }

  async function floorsOf(name: string): Promise<Map<string, number>> {
    const floors = await points(FLOOR, undefined, name)
    return new Map(floors.map(({ payload }) => [String(payload.scope), Number(payload.order)]))
  }

  /** Returns whether an entry is below all its floors. */
  async function finishedBy(parts: readonly Part[]): Promise<(part: Part) => boolean> {
    const floors = new Map([[documents, await floorsOf(documents)]])
    for (const { memories } of parts.filter((part) => part.floors?.includes('memories'))) {
      if (memories !== undefined && !floors.has(memories)) floors.set(memories, await floorsOf(memories))
    }
    return ({ instance, sequence, memories = '', floors: places = ['documents'] }) =>
      places.every((place) => {
        const floor = floors.get(place === 'documents' ? documents : memories)?.get(instance)
        return sequence <= (floor ?? 0)
      })
  }

  /** Marks by `keyOf` of their entry. */
  async function marks(): Promise<Map<string, Mark>> {
    return new Map(
      (await points(MARK)).map(({ payload }) => [
        keyOf({ instance: String(payload.scope), sequence: Number(payload.record_id) }),
        JSON.parse(payloadOf(payload)) as Mark,
      ]),
    )
  }

  function markPoint(entry: Entry, done: boolean): Point {
    const mark: Mark = { by: instance, done }
    const now = Date.now() * 1000
    return toPoint(MARK, [entry.instance], String(entry.sequence), now, JSON.stringify(mark))
  }

  async function completeEntries(scope?: string): Promise<Entry[]> {
    const journal = await points(JOURNAL, scope)
    if (journal.length === 0) return []
    const found = journal.map(({ payload }) => JSON.parse(payloadOf(payload)) as Part)
    const [isFinished, marked] = [await finishedBy(found), await marks()]
    const parts = found.filter((part) => !isFinished(part) && !marked.get(keyOf(part))?.done)
    return [...Map.groupBy(parts, keyOf).values()]
      .flatMap((found) => toEntry(found) ?? [])
      .sort((a, b) => a.sequence - b.sequence)
  }

  function floorsFor(entries: readonly Entry[]): Finish {
    const last = Math.max(...entries.map((entry) => entry.sequence))
    const floor = [{ upsert: { points: [toPoint(FLOOR, [instance], 'floor', last, '{}')] } }]
    const places = new Set(entries.flatMap((entry) => entry.floors ?? []))
    return Object.fromEntries([...places].map((place) => [place, floor]))
  }

  async function deleteFinished(): Promise<void> {
    clearTimeout(timer)
    const ids = finished
    if (ids.length === 0) return
    await update(connection, documents, [{ delete: { points: ids } }])
    finished = finished.filter((id) => !ids.includes(id))
  }

  return {
    instance,
    /**
     * Writes commits to the journal, those that share a scope as one entry. If `written` rejects, entries may or may not
     * exist: `finish` them before anything else.
     * @param memories Qdrant collection of the memories
     */
    write(commits: readonly (readonly PointWrite[])[], memories: string) {
      const encoded = groupByScopes(commits).map((all) => {
        const writes = lastWrites(all)
        sequence = Math.max(sequence + 1, Date.now() * 1000)
        const floors = [...new Set(writes.map(({ collection }) => placeOf(collection)))]
        return toParts({ instance, sequence, host: hostname(), pid: process.pid, memories, floors, writes })
      })
      const requests = chunks(
        encoded.flatMap((one) => one.points),
        (point) => payloadOf(point.payload).length,
        PART_LENGTH + 1024,
      )
      clearTimeout(timer)
      const ids = finished
      const written = (async () => {
        for (const [i, some] of requests.entries()) {
          const removal = i === 0 && ids.length > 0 ? [{ delete: { points: ids } }] : []
          await update(connection, documents, [...removal, { upsert: { points: some } }])
        }
        finished = finished.filter((id) => !ids.includes(id))
      })()
      return { entries: encoded.map(({ entry }) => entry), written }
    },
    /** Operations that follow the writes of own entries. */
    finish: floorsFor,
    /** Operations that delete own entries before they are applied, including those whose requests arrive later. */
    cancel(entries: readonly Entry[]): Finish {
      const { documents: floor = [], ...others } = floorsFor(entries)
      return { ...others, documents: [...floor, { delete: { points: entries.flatMap(idsOf) } }] }
    },
    /** Deletes finished entries, with the next entry or soon. */
    discard(entries: readonly Entry[]): void {
      finished.push(...entries.flatMap(idsOf))
      clearTimeout(timer)
      timer = setTimeout(() => void deleteFinished().catch(() => {}), DELETE_MS)
      timer.unref()
    },
    /** Complete, unfinished entries of other instances, in order. */
    async unfinished(scope?: string): Promise<Entry[]> {
      return (await completeEntries(scope)).filter((entry) => entry.instance !== instance)
    },
    marks,
    /** Marks the entry as taken over by this instance. */
    async take(entry: Entry): Promise<void> {
      await update(connection, documents, [{ upsert: { points: [markPoint(entry, false)] } }])
    },
    /** Operations that mark the entry of another instance as finished, also for that instance. */
    finishTaken(entry: Entry): Operation[] {
      return [{ upsert: { points: [markPoint(entry, true)] } }, { delete: { points: idsOf(entry) } }]
    },
    /**
     * Deletes finished entries, and floors and marks of instances that no longer exist.
     * @param memories Qdrant collection of the memories
     */
    async sweep(memories: string): Promise<void> {
      const isExpired = (order: number) => order < Date.now() * 1000 - KEPT_US
      const complete = new Set((await completeEntries()).map(keyOf))
      const found = (await points(JOURNAL)).map(({ id, payload }) => ({
        id,
        part: JSON.parse(payloadOf(payload)) as Part,
      }))
      const isFinished = await finishedBy(found.map(({ part }) => part))
      // An incomplete entry may be one that another process is writing.
      const stale = found.filter(
        ({ part }) => isFinished(part) || (isExpired(part.sequence) && !complete.has(keyOf(part))),
      )
      const old = async (kind: Kind, name: string) =>
        (await points(kind, undefined, name)).filter(({ payload }) => isExpired(payload.order))
      const remove = async (name: string, some: readonly { id: string }[]) => {
        if (some.length > 0)
          await update(connection, name, [{ delete: { points: some.map(({ id }) => id) } }])
      }
      await remove(documents, [...stale, ...(await old(MARK, documents)), ...(await old(FLOOR, documents))])
      await remove(memories, await old(FLOOR, memories))
    },
    /** Deletes the finished entries; those that cannot be deleted now are deleted at a later start. */
    async close(): Promise<void> {
      await deleteFinished().catch(() => {})
    },
  }
}

function placeOf(kind: Kind): Place {
  return hasVectors(kind) ? 'memories' : 'documents'
}

/** An internal point. A filter by any of its scopes finds it. */
function toPoint(
  collection: Kind,
  scopes: readonly string[],
  recordId: string,
  order: number,
  payload: string,
): Point {
  const [only = ''] = scopes
  const scope = scopes.length === 1 ? only : scopes
  const id = pointId(collection, only, recordId)
  return { id, vector: {}, payload: { collection, scope, record_id: recordId, order, payload } }
}

/** An entry as points. The first part comes last: without it the entry does not exist. */
function toParts({ writes, ...head }: Omit<Entry, 'parts' | 'scopes'>): { entry: Entry; points: Point[] } {
  const scopes = scopesOf(writes)
  const text = Buffer.from(JSON.stringify(writes)).toString('base64')
  const parts = Math.ceil(text.length / PART_LENGTH)
  const points = Array.from({ length: parts }, (_, part) => {
    const data = text.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH)
    const payload = JSON.stringify({ ...head, parts, part, data } satisfies Part)
    return { ...toPoint(JOURNAL, scopes, '', head.sequence, payload), id: idOf(head, part) }
  })
  return { entry: { ...head, parts, scopes, writes }, points: points.reverse() }
}

/** Joins the parts of an entry; `undefined` if one is missing. */
function toEntry(found: readonly Part[]): Entry | undefined {
  const [first] = found
  if (!first || found.length !== first.parts) return undefined
  const text = found
    .toSorted((a, b) => a.part - b.part)
    .map(({ data }) => data)
    .join('')
  const { part, data, ...head } = first
  const writes = JSON.parse(Buffer.from(text, 'base64').toString()) as PointWrite[]
  for (const { point } of writes) {
    // Sparse vectors of earlier versions have other terms.
    if (point && !point.payload.searchable)
      point.vector = point.vector.dense ? { dense: point.vector.dense } : {}
  }
  return { ...head, writes, scopes: scopesOf(writes) }
}

function idsOf(entry: Entry): string[] {
  return Array.from({ length: entry.parts }, (_, part) => idOf(entry, part))
}

function idOf({ instance, sequence }: EntryId, part: number): string {
  return pointId(JOURNAL, instance, `${sequence}/${part}`)
}

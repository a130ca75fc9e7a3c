import { type Kind, type Point, type PointWrite, pointId } from './points.ts'

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
  /** Process that wrote the entry. */
  host: string
  pid: number
}

/** The part of an entry that one point stores. */
export interface Part extends Omit<Entry, 'writes' | 'scopes'> {
  part: number
  data: string
}

export const JOURNAL: Kind = 'journal'

/** Base64 characters of one part, and of one request. */
const PART_LENGTH = 12 * 1024 * 1024

export function keyOf({ instance, sequence }: Pick<Entry, 'instance' | 'sequence'>): string {
  return `${instance}/${sequence}`
}

/** An internal point. A filter by any of its scopes finds it. */
export function toPoint(
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

/** The points of entries by request. The first part of an entry is sent last: without it the entry does not exist. */
export function requestsOf(entries: readonly Omit<Entry, 'parts'>[]): {
  parts: number[]
  requests: Point[][]
} {
  const requests: Point[][] = []
  let room = 0
  const parts = entries.map(({ writes, scopes, ...head }) => {
    const text = Buffer.from(JSON.stringify(writes)).toString('base64')
    const count = Math.ceil(text.length / PART_LENGTH)
    for (let part = count - 1; part >= 0; part -= 1) {
      const data = text.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH)
      const payload = JSON.stringify({ ...head, parts: count, part, data } satisfies Part)
      const point = { ...toPoint(JOURNAL, scopes, '', head.sequence, payload), id: idOf(head, part) }
      // Several parts are sent in separate requests, so that they arrive in order.
      if (data.length > room || count > 1) {
        requests.push([])
        room = PART_LENGTH
      }
      room -= data.length + 1024
      requests.at(-1)?.push(point)
    }
    return count
  })
  return { parts, requests }
}

export function idsOf(entry: Entry): string[] {
  return Array.from({ length: entry.parts }, (_, part) => idOf(entry, part))
}

function idOf({ instance, sequence }: Pick<Entry, 'instance' | 'sequence'>, part: number): string {
  return pointId(JOURNAL, instance, `${sequence}/${part}`)
}

/** Joins the parts of an entry; `undefined` if one is missing. */
export function toEntry(found: readonly Part[]): Entry | undefined {
  const [first] = found
  if (!first || found.length !== first.parts) return undefined
  const text = found
    .toSorted((a, b) => a.part - b.part)
    .map(({ data }) => data)
    .join('')
  const { part, data, ...head } = first
  const writes = JSON.parse(Buffer.from(text, 'base64').toString()) as PointWrite[]
  return { ...head, writes, scopes: [...new Set(writes.map(({ scope }) => scope))] }
}

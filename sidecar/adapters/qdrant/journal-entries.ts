import { type Kind, type Point, type PointWrite, pointId } from './points.ts'

/** Writes that are to take effect together, as they are noted down before the first of them is carried out. */
export interface Entry {
  /** Which opened store noted it down. */
  instance: string
  /** Counts the entries of an instance; epoch microseconds, so that those of a later one come after. */
  sequence: number
  parts: number
  /** Scopes that the writes are of: nearly always one. */
  scopes: readonly string[]
  /** Qdrant collection that its memories go to; absent in entries of an earlier version. */
  memories?: string | undefined
  writes: readonly PointWrite[]
  /** Whose process may still be at work on it. */
  host: string
  pid: number
}

/** What is noted down of an entry in one point. */
export interface Part extends Omit<Entry, 'writes' | 'scopes'> {
  part: number
  data: string
}

export const JOURNAL: Kind = 'journal'

/** Base64 characters of one part, and of what goes into one request. */
const PART_LENGTH = 12 * 1024 * 1024

export function keyOf({ instance, sequence }: Pick<Entry, 'instance' | 'sequence'>): string {
  return `${instance}/${sequence}`
}

/** A point of the store's own. A list of scopes is found by each of them. */
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

/** The points of entries by requests, the first part of each entry last: without it there is no entry. */
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
      // Each part by itself, where there are several: one that is lost must not be a later one.
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

/** The entry of its parts, or nothing where one is missing. */
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

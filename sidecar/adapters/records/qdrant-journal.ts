import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { QdrantLink } from './qdrant-link.ts'
import { type Kind, type Point, type PointPayload, type PointWrite, pointId } from './qdrant-points.ts'
import { type Operation, update } from './qdrant-write.ts'

/** Writes that are to take effect together, as they are noted down before the first of them is carried out. */
export interface Entry {
  /** Which process noted it down. */
  instance: string
  /** Counts the entries of an instance; epoch microseconds, so that those of a later one come after. */
  sequence: number
  parts: number
  writes: readonly PointWrite[]
  /** Whose process may still be at work on it. */
  host: string
  pid: number
}

export interface Journal {
  /** Notes writes down. After a rejection they may be there or not: `finish` them before anything else. */
  write(writes: readonly PointWrite[]): { entry: Entry; written: Promise<void> }
  /** Operations on the documents after which the entry is gone, also where it is yet to arrive. */
  finish(entry: Entry): Operation[]
  /** What was noted down and not finished, in order; half an entry is not reported. */
  unfinished(): Promise<Entry[]>
  /** Removes what is finished and was not struck, and what is left of instances long gone. */
  sweep(): Promise<void>
}

/** Base64 characters of one part. A commit may have more than one request holds; then its first part is written last. */
const PART_LENGTH = 12 * 1024 * 1024
/** For so long a request of an instance that is gone could still arrive, by a wide margin. */
const FLOOR_KEPT_US = 86_400_000_000

const JOURNAL: Kind = 'journal'
const FLOOR: Kind = 'journal_floor'

/**
 * The journal of one store, kept among its documents.
 *
 * A floor of each instance says up to which entry all are finished. It is there for the entry whose request was given
 * up and arrives after all: under the floor it counts for nothing.
 */
export function openJournal(link: QdrantLink, documents: string): Journal {
  const instance = randomUUID()
  let sequence = 0

  async function points(kind: Kind): Promise<{ id: string; payload: PointPayload }[]> {
    const found: { id: string; payload: PointPayload }[] = []
    let offset: string | undefined
    do {
      const page = await link.run((client) =>
        client.scroll(documents, {
          filter: { must: [{ key: 'collection', match: { value: kind } }] },
          limit: 2,
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

  async function floorsOf(): Promise<Map<string, number>> {
    return new Map((await points(FLOOR)).map(({ payload }) => [payload.scope, Number(payload.order)]))
  }

  return {
    write(writes) {
      sequence = Math.max(sequence + 1, Date.now() * 1000)
      const head = { instance, sequence, host: hostname(), pid: process.pid }
      const text = Buffer.from(JSON.stringify(writes)).toString('base64')
      const parts = Math.ceil(text.length / PART_LENGTH)
      const toPart = (part: number): Point => {
        const data = text.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH)
        const payload = JSON.stringify({ ...head, part, parts, data } satisfies Part)
        return toPoint(JOURNAL, instance, partId(sequence, part), sequence, payload)
      }
      const written = (async () => {
        for (let part = parts - 1; part >= 0; part -= 1) {
          await update(link, documents, [{ upsert: { points: [toPart(part)] } }])
        }
      })()
      return { entry: { ...head, parts, writes }, written }
    },
    finish(entry) {
      const ids = Array.from({ length: entry.parts }, (_, part) =>
        pointId(JOURNAL, entry.instance, partId(entry.sequence, part)),
      )
      const floor = toPoint(FLOOR, entry.instance, 'floor', entry.sequence, '{}')
      return [{ upsert: { points: [floor] } }, { delete: { points: ids } }]
    },
    async unfinished() {
      const floors = await floorsOf()
      const entries = new Map<string, Part[]>()
      for (const { payload } of await points(JOURNAL)) {
        const part = JSON.parse(payload.payload) as Part
        if (part.sequence <= (floors.get(part.instance) ?? 0)) continue
        const key = `${part.instance}/${part.sequence}`
        entries.set(key, [...(entries.get(key) ?? []), part])
      }
      return [...entries.values()]
        .flatMap((found) => join(found) ?? [])
        .sort((a, b) => a.sequence - b.sequence)
    },
    async sweep() {
      const floors = await floorsOf()
      const bygone = (order: number) => order < Date.now() * 1000 - FLOOR_KEPT_US
      const whole = new Set((await this.unfinished()).map((one) => `${one.instance}/${one.sequence}`))
      const stale = (await points(JOURNAL)).filter(({ payload: { scope, order } }) => {
        // Half an entry may be one that another process is writing right now.
        return order <= (floors.get(scope) ?? 0) || (bygone(order) && !whole.has(`${scope}/${order}`))
      })
      const old = (await points(FLOOR)).filter(({ payload }) => bygone(payload.order))
      const ids = [...stale, ...old].map(({ id }) => id)
      if (ids.length > 0) await update(link, documents, [{ delete: { points: ids } }])
    },
  }
}

/** Whether the process that noted it down may be about to finish it itself. */
export function mayBeAtWork({ host, pid }: Entry): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

interface Part extends Omit<Entry, 'writes'> {
  part: number
  data: string
}

function partId(sequence: number, part: number): string {
  return `${sequence}/${part}`
}

function toPoint(collection: Kind, scope: string, recordId: string, order: number, payload: string): Point {
  const id = pointId(collection, scope, recordId)
  return { id, vector: {}, payload: { collection, scope, record_id: recordId, order, payload } }
}

/** The entry of its parts, or nothing where one is missing. */
function join(found: readonly Part[]): Entry | undefined {
  const [head] = found
  if (!head || found.length !== head.parts) return undefined
  const text = found
    .toSorted((a, b) => a.part - b.part)
    .map(({ data }) => data)
    .join('')
  const { instance, sequence, parts, host, pid } = head
  return { instance, sequence, parts, host, pid, writes: JSON.parse(Buffer.from(text, 'base64').toString()) }
}

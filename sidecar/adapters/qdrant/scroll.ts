import type { Position, ScrollOptions, StoredRecord } from '../../ports/records.ts'
import type { QdrantConnection } from './connection.ts'
import { type Kind, type PointPayload, toRecord, within } from './points.ts'

/** The Qdrant collection to read, and the read consistency. */
export interface Source {
  connection: QdrantConnection
  /** Name of the Qdrant collection. */
  name: string
  consistency?: 'majority' | undefined
}

/** Records per request. */
const BATCH = 1000

/**
 * A page of a scope by order and then id, in one Qdrant collection.
 *
 * Qdrant sorts by one payload field without a tie-breaker, and accepts no offset with `order_by`. So records with equal
 * `order` (ties) are queried separately: those at the order of `after`, and those at the last order of a full response.
 */
export async function scrollPage(
  source: Source,
  collection: Kind,
  scope: string,
  options: ScrollOptions,
): Promise<StoredRecord[]> {
  const { limit, after, direction = 'ascending' } = options
  const step = direction === 'ascending' ? 1 : -1
  const compare = (a: Position, b: Position) => step * comparePositions(a, b)
  const page: StoredRecord[] = []
  let from: number | undefined
  if (after) {
    const left = await ties(source, collection, scope, after.order)
    const following = left.filter((one) => compare(after, one) < 0).sort(compare)
    page.push(...(await recordsOf(source, collection, scope, following.slice(0, limit))))
    from = after.order + step
  }
  while (page.length < limit && (from === undefined || isOrder(from))) {
    const asked = Math.min(limit - page.length + 1, BATCH)
    const batch = await inOrder(source, collection, scope, { from, asked, direction })
    batch.sort(compare)
    const last = batch.at(-1)
    if (batch.length < asked || !last) {
      page.push(...batch)
      break
    }
    page.push(...batch.filter(({ order }) => order !== last.order))
    if (page.length < limit) {
      const tied = (await ties(source, collection, scope, last.order)).sort(compare)
      page.push(...(await recordsOf(source, collection, scope, tied.slice(0, limit - page.length))))
    }
    from = last.order + step
  }
  return page.slice(0, limit)
}

/**
 * Every scope with records of a collection, unsorted. Facets have no pagination and allocate `limit` entries, so the limit
 * grows until all values fit.
 */
export async function scopesIn(
  { connection, name, consistency }: Source,
  collection: Kind,
): Promise<string[]> {
  const filter = { must: [{ key: 'collection', match: { value: collection } }] }
  for (let limit = BATCH; ; limit *= 10) {
    const { hits } = await connection.run((client) =>
      client.facet(name, {
        key: 'scope',
        filter,
        limit,
        exact: true,
        ...(consistency ? { consistency } : {}),
      }),
    )
    if (hits.length < limit) return hits.map(({ value }) => String(value))
  }
}

/** By order, then by code units of the id. */
export function comparePositions(a: Position, b: Position): number {
  return a.order - b.order || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function isOrder(order: number): boolean {
  return order >= 0 && order <= Number.MAX_SAFE_INTEGER
}

async function inOrder(
  { connection, name, consistency }: Source,
  collection: Kind,
  scope: string,
  { from, asked, direction }: { from: number | undefined; asked: number; direction: string },
): Promise<StoredRecord[]> {
  const { points } = await connection.run((client) =>
    client.scroll(name, {
      filter: { must: within(collection, scope) },
      order_by: {
        key: 'order',
        direction: direction === 'ascending' ? 'asc' : 'desc',
        ...(from === undefined ? {} : { start_from: from }),
      },
      limit: asked,
      with_payload: true,
      ...(consistency ? { consistency } : {}),
    }),
  )
  return points.flatMap(({ payload }) => toRecord(payload, collection, scope) ?? [])
}

interface Tie extends Position {
  point: string
}

/** All records of one order, without what they hold: there may be many more than the page has room for. */
async function ties(
  { connection, name, consistency }: Source,
  collection: Kind,
  scope: string,
  order: number,
): Promise<Tie[]> {
  const found: Tie[] = []
  let offset: string | undefined
  do {
    const { points, next_page_offset: next } = await connection.run((client) =>
      client.scroll(name, {
        filter: { must: [...within(collection, scope), { key: 'order', match: { value: order } }] },
        limit: BATCH,
        with_payload: ['record_id'],
        ...(offset === undefined ? {} : { offset }),
        ...(consistency ? { consistency } : {}),
      }),
    )
    for (const { id, payload } of points) {
      found.push({ point: String(id), order, id: (payload as unknown as PointPayload).record_id })
    }
    offset = typeof next === 'string' ? next : undefined
  } while (offset !== undefined)
  return found
}

/** Reads the records of ties, in the same order. */
async function recordsOf(
  { connection, name, consistency }: Source,
  collection: Kind,
  scope: string,
  tied: readonly Tie[],
): Promise<StoredRecord[]> {
  if (tied.length === 0) return []
  const ids = tied.map(({ point }) => point)
  const points = await connection.run((client) =>
    client.retrieve(name, { ids, with_payload: true, ...(consistency ? { consistency } : {}) }),
  )
  const records = new Map(points.map(({ id, payload }) => [id, toRecord(payload, collection, scope)]))
  return ids.flatMap((id) => records.get(id) ?? [])
}

import type { Position, ScrollOptions, StoredRecord } from '../../ports/records.ts'
import type { QdrantLink } from './connection.ts'
import { type Kind, type PointPayload, toRecord, within } from './points.ts'

/** Where to read, and how many of the copies must agree. */
export interface Source {
  link: QdrantLink
  /** Name of the Qdrant collection. */
  name: string
  consistency?: 'majority' | undefined
}

/** Records of one request, ties of one request. */
const BATCH = 1000

/**
 * A page of a scope by order and then id, in one Qdrant collection.
 *
 * Qdrant orders by one payload field, knows no second one for ties, and takes no offset beside `order_by`. So ties are
 * asked for by themselves: those that are left at the order of `after`, and those of the last order of an answer that
 * was cut, which may have lost any of them.
 */
export async function scrollPage(
  source: Source,
  collection: Kind,
  scope: string,
  options: ScrollOptions,
): Promise<StoredRecord[]> {
  const { limit, after, direction = 'ascending' } = options
  const step = direction === 'ascending' ? 1 : -1
  const compare = (a: Position, b: Position) => step * byPlace(a, b)
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
 * Every scope with records of a collection, in no order of use: Qdrant lists the values of a field by how often they
 * are there, and from the beginning only. It makes room for as many as are asked for, so that is raised by need.
 */
export async function scopesIn({ link, name, consistency }: Source, collection: Kind): Promise<string[]> {
  const filter = { must: [{ key: 'collection', match: { value: collection } }] }
  for (let limit = BATCH; ; limit *= 10) {
    const { hits } = await link.run((client) =>
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

/** Order, then code units of the id. */
export function byPlace(a: Position, b: Position): number {
  return a.order - b.order || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function isOrder(order: number): boolean {
  return order >= 0 && order <= Number.MAX_SAFE_INTEGER
}

async function inOrder(
  { link, name, consistency }: Source,
  collection: Kind,
  scope: string,
  { from, asked, direction }: { from: number | undefined; asked: number; direction: string },
): Promise<StoredRecord[]> {
  const { points } = await link.run((client) =>
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
  { link, name, consistency }: Source,
  collection: Kind,
  scope: string,
  order: number,
): Promise<Tie[]> {
  const found: Tie[] = []
  let offset: string | undefined
  do {
    const { points, next_page_offset: next } = await link.run((client) =>
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

/** The records of ties, in their order. */
async function recordsOf(
  { link, name, consistency }: Source,
  collection: Kind,
  scope: string,
  tied: readonly Tie[],
): Promise<StoredRecord[]> {
  if (tied.length === 0) return []
  const ids = tied.map(({ point }) => point)
  const points = await link.run((client) =>
    client.retrieve(name, { ids, with_payload: true, ...(consistency ? { consistency } : {}) }),
  )
  const records = new Map(points.map(({ id, payload }) => [id, toRecord(payload, collection, scope)]))
  return ids.flatMap((id) => records.get(id) ?? [])
}

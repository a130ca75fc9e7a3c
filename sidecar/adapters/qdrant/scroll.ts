import type { Position, ScrollOptions, StoredRecord } from '../../ports/records.ts'
import { type QdrantConnection, scrollPoints } from './connection.ts'
import { hasVectors, type Kind, type PointPayload, SHOWN, toRecord, VECTOR, within } from './points.ts'

/** The Qdrant collection to read, and the read consistency as part of each request. */
export interface Source {
  connection: QdrantConnection
  name: string
  consistency: { consistency?: 'majority' }
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
  { connection, name, consistency }: Source,
  collection: Kind,
  scope: string,
  { limit, after, direction = 'ascending', withVectors = true }: ScrollOptions,
): Promise<StoredRecord[]> {
  const must = within(collection, scope)
  const shown = { ...SHOWN, with_vector: withVectors && hasVectors(collection) ? [VECTOR] : false }
  const step = direction === 'ascending' ? 1 : -1
  const compare = (a: Position, b: Position) => step * comparePositions(a, b)

  async function readFrom(order: number | undefined, count: number): Promise<StoredRecord[]> {
    const { points } = await connection.run((client) =>
      client.scroll(name, {
        filter: { must },
        order_by: {
          key: 'order',
          direction: direction === 'ascending' ? 'asc' : 'desc',
          ...(order === undefined ? {} : { start_from: order }),
        },
        limit: count,
        ...shown,
        ...consistency,
      }),
    )
    return points.flatMap((point) => toRecord(point, collection, scope) ?? []).sort(compare)
  }

  /** Reads records of one order after `after`. Their ids are read first, because there may be far more than `count`. */
  async function readTies(order: number, count: number): Promise<StoredRecord[]> {
    const filter = { must: [...must, { key: 'order', match: { value: order } }] }
    const request = { filter, limit: BATCH, with_payload: ['record_id'], ...consistency }
    const ids = (await scrollPoints(connection, name, request))
      .map(({ id, payload }) => ({ point: id, order, id: (payload as PointPayload).record_id }))
      .filter((tie) => !after || compare(after, tie) < 0)
      .sort(compare)
      .slice(0, count)
      .map(({ point }) => point)
    if (ids.length === 0) return []
    const points = await connection.run((client) => client.retrieve(name, { ids, ...shown, ...consistency }))
    return points.flatMap((point) => toRecord(point, collection, scope) ?? []).sort(compare)
  }

  const page: StoredRecord[] = []
  let tied = after?.order
  let from: number | undefined
  while (page.length < limit) {
    if (tied !== undefined) {
      page.push(...(await readTies(tied, limit - page.length)))
      from = tied + step
      tied = undefined
      continue
    }
    if (from !== undefined && (from < 0 || from > Number.MAX_SAFE_INTEGER)) break
    const count = Math.min(limit - page.length + 1, BATCH)
    const batch = await readFrom(from, count)
    tied = batch.length < count ? undefined : batch.at(-1)?.order
    page.push(...batch.filter(({ order }) => order !== tied))
    if (tied === undefined) break
  }
  return page
}

/** Every scope with records of a collection, unsorted. Facets have no pagination, so the limit grows until all fit. */
export async function scopesIn({ connection, name, consistency }: Source, collection: Kind) {
  const filter = { must: [{ key: 'collection', match: { value: collection } }] }
  for (let limit = BATCH; ; limit *= 10) {
    const request = { key: 'scope', filter, limit, exact: true, ...consistency }
    const { hits } = await connection.run((client) => client.facet(name, request))
    if (hits.length < limit) return hits.map(({ value }) => String(value))
  }
}

/** By order, then by code units of the id. */
export function comparePositions(a: Position, b: Position): number {
  return a.order - b.order || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

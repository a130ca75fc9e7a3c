import type { Schemas } from '@qdrant/js-client-rest'
import type { Collections } from './collections.ts'
import { QdrantFailure, type QdrantLink } from './connection.ts'
import { hasVectors, type Point, type PointWrite } from './points.ts'

export type Operation = Schemas['UpdateOperation']

/** Most bytes of one request, roughly, and most points in it; a single record may have as much alone. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024
const MAX_POINTS = 500

/** Sends updates of one collection and waits until they can be read. Done twice, they have the effect of once. */
export async function update(
  link: QdrantLink,
  name: string,
  operations: readonly Operation[],
): Promise<void> {
  if (operations.length === 0) return
  await link.run(async (client) => {
    const results = await client.batchUpdate(name, {
      operations: [...operations],
      wait: true,
      ordering: 'strong',
    })
    // A server that stops waiting answers 200 as well.
    const undone = results.find(({ status }) => status !== 'completed')
    if (undone) throw new QdrantFailure(`${link.where}: the write is not carried out yet (${undone.status})`)
  })
}

/** The last write to each point: all that a reader could see of a group of writes. */
export function lastWrites(writes: Iterable<PointWrite>): PointWrite[] {
  const last = new Map<string, PointWrite>()
  for (const write of writes) last.set(write.id, write)
  return [...last.values()]
}

/**
 * Carries writes out, each point at most once, and with the last of them what is given as `finish` (operations on the
 * documents, done after all else).
 * @param mayGoOn awaited before each request; what it rejects with ends it
 */
export async function applyWrites(
  link: QdrantLink,
  collections: Collections,
  writes: readonly PointWrite[],
  finish: readonly Operation[],
  mayGoOn: () => Promise<void> = async () => {},
): Promise<void> {
  const memories = writes
    .filter(({ collection }) => hasVectors(collection))
    .map((write) => (collections.hasSparse ? write : withoutSparse(write)))
  const send = async (name: string, operations: readonly Operation[]) => {
    await mayGoOn()
    await update(link, name, operations)
  }
  for (const request of requestsOf(memories)) await send(collections.memories, request)
  const requests = requestsOf(writes.filter(({ collection }) => !hasVectors(collection)))
  const lastRequest = requests.pop() ?? []
  for (const request of requests) await send(collections.documents, request)
  await send(collections.documents, [...lastRequest, ...finish])
}

function withoutSparse({ point, ...write }: PointWrite): PointWrite {
  if (!point) return { ...write, point }
  const { sparse, ...vector } = point.vector
  return { ...write, point: { ...point, vector } }
}

function requestsOf(writes: readonly PointWrite[]): Operation[][] {
  const requests: Operation[][] = []
  let points: Point[] = []
  let bytes = 0
  const cut = () => {
    if (points.length > 0) requests.push([{ upsert: { points } }])
    points = []
    bytes = 0
  }
  for (const { point } of writes) {
    if (!point) continue
    const size = bytesOf(point)
    if (bytes + size > MAX_REQUEST_BYTES || points.length === MAX_POINTS) cut()
    points.push(point)
    bytes += size
  }
  cut()
  const removed = writes.flatMap(({ id, point }) => (point ? [] : [id]))
  for (let i = 0; i < removed.length; i += MAX_POINTS) {
    const remove: Operation = { delete: { points: removed.slice(i, i + MAX_POINTS) } }
    const last = requests.at(-1)
    if (i === 0 && last) last.push(remove)
    else requests.push([remove])
  }
  return requests
}

/** At most so long as JSON: a character of the payload is three bytes, a number of the vector some twenty. */
export function bytesOf({ vector, payload }: Point): number {
  const numbers = (vector.dense?.length ?? 0) + 2 * (vector.sparse?.indices.length ?? 0)
  const base64 = (payload.dense?.length ?? 0) + (payload.sparse?.length ?? 0)
  const fields = payload.fields ? JSON.stringify(payload.fields).length : 0
  return (payload.payload.length + fields) * 3 + base64 + numbers * 22 + 1024
}

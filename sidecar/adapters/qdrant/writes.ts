import type { Schemas } from '@qdrant/js-client-rest'
import type { Collections } from './collections.ts'
import { type QdrantConnection, QdrantFailure } from './connection.ts'
import { hasVectors, type Point, type PointWrite } from './points.ts'

export type Operation = Schemas['UpdateOperation']

/** Approximate limits of one request. A single larger record gets a request of its own. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024
const MAX_POINTS = 500

/** Sends updates of one collection and waits until they are readable. Idempotent. */
export async function update(
  connection: QdrantConnection,
  name: string,
  operations: readonly Operation[],
): Promise<void> {
  if (operations.length === 0) return
  await connection.run(async (client) => {
    const results = await client.batchUpdate(name, {
      operations: [...operations],
      wait: true,
      ordering: 'strong',
    })
    // A server that stops waiting for completion also returns 200.
    const undone = results.find(({ status }) => status !== 'completed')
    if (undone)
      throw new QdrantFailure(`${connection.where}: the write is not completed yet (${undone.status})`)
  })
}

/** The last write to each point. */
export function lastWrites(writes: Iterable<PointWrite>): PointWrite[] {
  const last = new Map<string, PointWrite>()
  for (const write of writes) last.set(write.id, write)
  return [...last.values()]
}

/**
 * Applies writes (at most one per point), and after them the `finish` operations on the documents.
 * @param mayContinue awaited before each request; rejecting aborts
 */
export async function applyWrites(
  connection: QdrantConnection,
  collections: Collections,
  writes: readonly PointWrite[],
  finish: readonly Operation[],
  mayContinue: () => Promise<void> = async () => {},
): Promise<void> {
  const memories = writes
    .filter(({ collection }) => hasVectors(collection))
    .map((write) => (collections.hasSparse ? write : withoutSparse(write)))
  const send = async (name: string, operations: readonly Operation[]) => {
    await mayContinue()
    await update(connection, name, operations)
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
  const endRequest = () => {
    if (points.length > 0) requests.push([{ upsert: { points } }])
    points = []
    bytes = 0
  }
  for (const { point } of writes) {
    if (!point) continue
    const size = bytesOf(point)
    if (bytes + size > MAX_REQUEST_BYTES || points.length === MAX_POINTS) endRequest()
    points.push(point)
    bytes += size
  }
  endRequest()
  const removed = writes.flatMap(({ id, point }) => (point ? [] : [id]))
  for (let i = 0; i < removed.length; i += MAX_POINTS) {
    const remove: Operation = { delete: { points: removed.slice(i, i + MAX_POINTS) } }
    const last = requests.at(-1)
    if (i === 0 && last) last.push(remove)
    else requests.push([remove])
  }
  return requests
}

/** Upper bound of the JSON size: three bytes per payload character, about 20 per vector element. */
export function bytesOf({ vector, payload }: Point): number {
  const numbers = (vector.dense?.length ?? 0) + 2 * (vector.sparse?.indices.length ?? 0)
  const base64 = (payload.dense?.length ?? 0) + (payload.sparse?.length ?? 0)
  const fields = payload.fields ? JSON.stringify(payload.fields).length : 0
  return (payload.payload.length + fields) * 3 + base64 + numbers * 22 + 1024
}

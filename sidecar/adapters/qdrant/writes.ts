import type { Schemas } from '@qdrant/js-client-rest'
import { type QdrantConnection, QdrantFailure } from './connection.ts'
import { type Collections, hasVectors, type PointWrite, payloadOf } from './points.ts'

export type Operation = Schemas['UpdateOperation']

/** Approximate limits of one request. A single larger record gets a request of its own. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024
const MAX_POINTS = 500

/** Sends updates of one collection and waits until they are readable. Idempotent. */
export async function update(connection: QdrantConnection, name: string, operations: Operation[]) {
  if (operations.length === 0) return
  await connection.run(async (client) => {
    const results = await client.batchUpdate(name, { operations, wait: true, ordering: 'strong' })
    // A server that stops waiting for completion also returns 200.
    const undone = results.find(({ status }) => status !== 'completed')
    if (undone)
      throw new QdrantFailure(`${connection.where}: the write is not completed yet (${undone.status})`)
  })
}

/** The last write to each point. */
export function lastWrites(writes: readonly PointWrite[]): PointWrite[] {
  return [...new Map(writes.map((write) => [write.id, write])).values()]
}

/** Groups commits that share a scope; the groups can be finished independently. */
export function groupByScopes(commits: readonly (readonly PointWrite[])[]): PointWrite[][] {
  let groups: { scopes: Set<string>; writes: PointWrite[] }[] = []
  for (const commit of commits) {
    const group = { scopes: new Set(scopesOf(commit)), writes: [...commit] }
    const [apart, joined] = [true, false].map((isApart) =>
      groups.filter(({ scopes }) => scopes.isDisjointFrom(group.scopes) === isApart),
    ) as [typeof groups, typeof groups]
    group.writes.unshift(...joined.flatMap(({ writes }) => writes))
    for (const { scopes } of joined) group.scopes = group.scopes.union(scopes)
    groups = [...apart, group]
  }
  return groups.map(({ writes }) => writes)
}

export function scopesOf(writes: readonly PointWrite[]): string[] {
  return [...new Set(writes.map(({ scope }) => scope))]
}

/**
 * Applies writes (at most one per point), to both Qdrant collections at once, and in each of them `finish` as the last
 * operations. Settles when no request is active.
 * @param mayContinue awaited before each request; rejecting aborts
 */
export async function applyWrites(
  connection: QdrantConnection,
  collections: Collections,
  writes: readonly PointWrite[],
  finish: { readonly [place in keyof Collections]?: readonly Operation[] },
  mayContinue: () => Promise<void> = async () => {},
): Promise<void> {
  let refusal: { reason: unknown } | undefined
  // After a refusal the other collection must not be written to either.
  const check = async () => {
    await mayContinue().catch((reason: unknown) => {
      refusal ??= { reason }
    })
    if (refusal) throw refusal.reason
  }
  const apply = async (place: keyof Collections, some: readonly PointWrite[]) => {
    const requests = chunks(some, bytesOf, MAX_REQUEST_BYTES, MAX_POINTS).map(toOperations)
    const last = requests.pop() ?? []
    for (const operations of [...requests, [...last, ...(finish[place] ?? [])]]) {
      if (operations.length === 0) continue
      await check()
      await update(connection, collections[place], operations)
    }
  }
  const [memories = [], documents = []] = [true, false].map((wanted) =>
    writes.filter(({ collection }) => hasVectors(collection) === wanted),
  )
  const outcomes = await Promise.allSettled([apply('memories', memories), apply('documents', documents)])
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}

function toOperations(writes: readonly PointWrite[]): Operation[] {
  const points = writes.flatMap(({ point }) => point ?? [])
  const removed = writes.filter(({ point }) => !point).map(({ id }) => id)
  return [
    ...(points.length > 0 ? [{ upsert: { points } }] : []),
    ...(removed.length > 0 ? [{ delete: { points: removed } }] : []),
  ]
}

/** Splits a list into consecutive chunks within the limits; a single larger item gets a chunk of its own. */
export function chunks<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  maxSize: number,
  maxCount = Number.POSITIVE_INFINITY,
): T[][] {
  const all: T[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const item of items) {
    size += sizeOf(item)
    if (size > maxSize || all.at(-1)?.length === maxCount) {
      all.push([])
      size = sizeOf(item)
    }
    all.at(-1)?.push(item)
  }
  return all
}

/** Upper bound of the JSON size: three bytes per payload character, and again for its fields; 22 per number of a vector. */
export function bytesOf({ point }: PointWrite): number {
  if (!point) return 100
  const { payload, vector } = point
  const text = payloadOf(payload).length * (payload.searchable ? 6 : 3)
  const numbers = (vector.dense?.length ?? 0) + (vector.sparse?.indices.length ?? 0) * 2
  const { terms = '', context = '', features = '' } = payload.entry ?? {}
  const entry = terms.length + context.length + features.length * 3
  return text + entry + (payload.dense?.length ?? 0) + numbers * 22 + 1024
}

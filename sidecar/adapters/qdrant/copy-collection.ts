import type { Schemas } from '@qdrant/js-client-rest'
import { type QdrantConnection, scrollPages } from './connection.ts'
import { update } from './writes.ts'

/** Points per request; one may have 8 MiB. */
const PAGE = 100

/** Where the points of a collection are copied to. The name of the collection becomes an alias of it. */
export function copyName(collection: string): string {
  return `${collection}_copy`
}

/** The collection that an alias of this name points to, or the name itself. */
export async function realName(connection: QdrantConnection, name: string): Promise<string> {
  const { aliases } = await connection.run((client) => client.getAliases())
  return aliases.find(({ alias_name }) => alias_name === name)?.collection_name ?? name
}

/**
 * Moves all points of a collection to a new one, and gives that one the name of the first as an alias. Nothing else may
 * write meanwhile. After an interruption, `finishCopy` or the next call completes it.
 * @param create creates the new collection with this name
 * @throws {Error} if points were written meanwhile; then the collection is unchanged
 */
export async function replaceByCopy(
  connection: QdrantConnection,
  name: string,
  create: (name: string) => Promise<void>,
): Promise<void> {
  const copy = copyName(name)
  // Left by an interrupted call: points may have been removed since.
  await connection.run((client) => client.deleteCollection(copy))
  await create(copy)
  const request = { limit: PAGE, with_payload: true, with_vector: true }
  for await (const page of scrollPages(connection, name, request)) {
    const points = page.map(({ id, payload, vector }) => ({
      id,
      payload,
      vector,
    })) as Schemas['PointStruct'][]
    if (points.length > 0) await update(connection, copy, [{ upsert: { points } }])
  }
  const [before, after] = await Promise.all(
    [name, copy].map((one) => connection.run((client) => client.count(one, { exact: true }))),
  )
  if (before?.count !== after?.count) {
    throw new Error(
      `QDRANT_URL: expected ${before?.count} points in the copy of ${name}, got ${after?.count}: another process writes. Stop every other sidecar and start again`,
    )
  }
  await connection.run((client) => client.deleteCollection(name))
  await finishCopy(connection, name)
}

/** Gives the copy the name of the collection, which was deleted. */
export async function finishCopy(connection: QdrantConnection, name: string): Promise<void> {
  const actions = [{ create_alias: { alias_name: name, collection_name: copyName(name) } }]
  await connection.run((client) => client.updateCollectionAliases({ actions }))
}

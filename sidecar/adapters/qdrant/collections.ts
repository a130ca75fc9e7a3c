import { createHash } from 'node:crypto'
import type { QdrantClient, Schemas } from '@qdrant/js-client-rest'
import { type QdrantConnection, QdrantFailure, scrollPages } from './connection.ts'
import { type Collections, SPARSE, VECTOR } from './points.ts'
import { update } from './writes.ts'

export interface CollectionOptions {
  /** Prefix of every collection name, so that several stores can share a server. */
  prefix: string
  /** The embedder of the memories' vectors. */
  embedder: { readonly name: string; readonly dimensions: number }
  /** Copies of every point in a cluster. @default 1 */
  replicationFactor?: number | undefined
  /** Copies that must acknowledge a write. @default the majority */
  writeConsistencyFactor?: number | undefined
  /** Shards of a collection in a cluster. @default the number of nodes */
  shardNumber?: number | undefined
  /** Other processes may write under the prefix. */
  isShared?: boolean | undefined
}

type Index = Exclude<
  Parameters<QdrantClient['createPayloadIndex']>[1]['field_schema'],
  undefined | null | string
>

/** Payload fields that every query filters or sorts by. */
const INDEXES: Record<string, Index & { type: string; is_tenant?: true }> = {
  scope: { type: 'keyword', is_tenant: true },
  collection: { type: 'keyword' },
  order: { type: 'integer', lookup: true, range: true },
}
const MEMORY_INDEXES: typeof INDEXES = { ...INDEXES, searchable: { type: 'bool' } }

const DISTANCE = 'Cosine'
/** Terms that are rare in a collection count more. */
const MODIFIER = 'idf'

/**
 * Creates missing collections and indexes, including those that an interrupted start left incomplete.
 *
 * Each embedder has its own collection, named by a hash of its name and dimensions. The alias `<prefix>memories` points to
 * the collection of the current embedder.
 * @throws {Error} for the operator if an existing collection of that name does not fit
 */
export async function ensureCollections(
  connection: QdrantConnection,
  options: CollectionOptions,
): Promise<Collections> {
  const { prefix, embedder } = options
  const documents = `${prefix}documents`
  const hash = createHash('sha256')
    .update(JSON.stringify([embedder.name, embedder.dimensions]))
    .digest('hex')
  const memories = `${prefix}memories_${hash.slice(0, 16)}`
  const known = await namesOf(connection)
  const cluster = clusterOf(options)
  if (!known.includes(documents)) await create(connection, documents, { vectors: {}, ...cluster })
  const createMemories = async (name: string) => {
    await create(connection, name, {
      vectors: { [VECTOR]: { size: embedder.dimensions, distance: DISTANCE, on_disk: true } },
      sparse_vectors: { [SPARSE]: { modifier: MODIFIER } },
      // One HNSW graph per scope: no search crosses scopes.
      hnsw_config: { m: 0, payload_m: 16 },
      // Searches filter by payload fields without an index as well, after the index of the scope.
      strict_mode_config: { unindexed_filtering_retrieve: true },
      ...cluster,
    })
    return await ensureIndexes(connection, name, MEMORY_INDEXES)
  }
  await ensureIndexes(connection, documents, INDEXES)
  if (!known.includes(memories) && known.includes(copyName(memories))) await finishCopy(connection, memories)
  const real = await realName(connection, memories)
  const info = known.includes(real)
    ? await ensureIndexes(connection, real, MEMORY_INDEXES)
    : await createMemories(real)
  assertFits(info, real, embedder)
  const wasAdded = await ensureSparse(connection, real, options.isShared === true)
  if (!wasAdded) {
    await replaceByCopy(connection, memories, async (name) => void (await createMemories(name)))
  }
  if ((await aliasedBy(connection, prefix)) === undefined) await pointAlias(connection, prefix, memories)
  return { documents, memories }
}

async function namesOf(connection: QdrantConnection): Promise<string[]> {
  const { collections } = await connection.run((client) => client.getCollections())
  return collections.map(({ name }) => name)
}

function clusterOf({ replicationFactor = 1, writeConsistencyFactor, shardNumber }: CollectionOptions) {
  return {
    replication_factor: replicationFactor,
    write_consistency_factor: writeConsistencyFactor ?? Math.floor(replicationFactor / 2) + 1,
    ...(shardNumber === undefined ? {} : { shard_number: shardNumber }),
  }
}

async function create(
  connection: QdrantConnection,
  name: string,
  params: Parameters<QdrantClient['createCollection']>[1],
): Promise<void> {
  try {
    await connection.run((client) => client.createCollection(name, params))
  } catch (error) {
    if (!(error instanceof QdrantFailure && error.isRejection)) throw error
    // Created by another process, or by an earlier attempt whose response was lost.
    if (!(await namesOf(connection)).includes(name)) throw error
  }
}

async function ensureIndexes(
  connection: QdrantConnection,
  name: string,
  indexes: typeof INDEXES,
): Promise<Schemas['CollectionInfo']> {
  const info = await connection.run((client) => client.getCollection(name))
  for (const [field, schema] of Object.entries(indexes)) {
    const index = info.payload_schema[field]
    const isTenant = (index?.params as { is_tenant?: boolean | null } | null | undefined)?.is_tenant === true
    if (index?.data_type === schema.type && isTenant === 'is_tenant' in schema) continue
    await connection.run((client) =>
      client.createPayloadIndex(name, { field_name: field, field_schema: schema, wait: true }),
    )
  }
  return info
}

function assertFits(
  info: Schemas['CollectionInfo'],
  collection: string,
  embedder: CollectionOptions['embedder'],
): void {
  const vectors = info.config.params.vectors as Schemas['VectorsConfig'] | undefined
  const found = (vectors as Record<string, Schemas['VectorParams']> | undefined)?.[VECTOR]
  if (!found) throw foreign(collection, `a vector named ${VECTOR}`, 'none')
  const { size, distance } = found
  if (size !== embedder.dimensions) {
    const expected = `vectors of ${embedder.dimensions} dimensions, as the embedder ${embedder.name} returns`
    throw foreign(collection, expected, String(size))
  }
  if (distance !== DISTANCE) throw foreign(collection, `the distance ${DISTANCE}`, distance)
}

/** Adds the vector of the terms to a collection of an earlier version. Returns whether the server can do that. */
async function ensureSparse(connection: QdrantConnection, name: string, isShared: boolean): Promise<boolean> {
  const modifierOf = async () => {
    const { config } = await connection.run((client) => client.getCollection(name))
    const sparse = config.params.sparse_vectors?.[SPARSE]
    return sparse && (sparse.modifier ?? 'none')
  }
  if ((await modifierOf()) === undefined) {
    try {
      await connection.run((client) =>
        client.createVectorName(name, SPARSE, { sparse: { modifier: MODIFIER } }, { wait: true }),
      )
    } catch (error) {
      if (!(error instanceof QdrantFailure && error.isRejection)) throw error
      // Another process may have added it.
      if ((await modifierOf()) === undefined) {
        if (!isShared) return false
        throw new Error(
          `QDRANT_URL: the collection ${name} of an earlier version has no vector named ${SPARSE}, and this server cannot add it (${error.message}). Stop every sidecar and run \`npm run reembed\`, which copies the collection, or upgrade Qdrant to 1.18 or later`,
        )
      }
    }
  }
  const modifier = await modifierOf()
  if (modifier !== MODIFIER)
    throw foreign(name, `the modifier ${MODIFIER} of the vector ${SPARSE}`, String(modifier))
  return true
}

function foreign(collection: string, expected: string, got: string): Error {
  return new Error(
    `QDRANT_COLLECTION_PREFIX: expected ${expected} in the collection ${collection}, got ${got}; this program did not create it. Set another prefix, or delete the collection`,
  )
}

/** The collection of the current embedder, or `undefined` in a new store. */
async function aliasedBy(connection: QdrantConnection, prefix: string): Promise<string | undefined> {
  const { aliases } = await connection.run((client) => client.getAliases())
  return aliases.find(({ alias_name }) => alias_name === `${prefix}memories`)?.collection_name
}

/** Atomically makes a collection the current one. */
export async function pointAlias(connection: QdrantConnection, prefix: string, name: string) {
  const collection = await realName(connection, name)
  const now = await aliasedBy(connection, prefix)
  if (now === collection) return
  const alias_name = `${prefix}memories`
  const actions = [
    ...(now === undefined ? [] : [{ delete_alias: { alias_name } }]),
    { create_alias: { alias_name, collection_name: collection } },
  ]
  await connection.run((client) => client.updateCollectionAliases({ actions }))
}

/** Deletes the collections of all other embedders. */
export async function dropOtherMemories(connection: QdrantConnection, prefix: string, name: string) {
  const start = `${prefix}memories_`
  const kept = await realName(connection, name)
  const others = (await namesOf(connection)).filter(
    (one) => one !== kept && one.startsWith(start) && /^[0-9a-f]{16}(_copy)?$/.test(one.slice(start.length)),
  )
  for (const one of others) await connection.run((client) => client.deleteCollection(one))
  return others.length
}

/** Points per request; a point may have 8 MiB. */
const COPIED_AT_ONCE = 100

/** Name of the copy of a collection. The name of the collection becomes an alias of it. */
function copyName(collection: string): string {
  return `${collection}_copy`
}

/** The collection that an alias of this name points to, or the name itself. */
async function realName(connection: QdrantConnection, name: string): Promise<string> {
  const { aliases } = await connection.run((client) => client.getAliases())
  return aliases.find(({ alias_name }) => alias_name === name)?.collection_name ?? name
}

/**
 * Moves all points of a collection to a new one, and gives that one the name of the first as an alias. Nothing else may
 * write meanwhile. After an interruption, `finishCopy` or the next call completes it.
 * @param create creates the new collection with this name
 * @throws {Error} if points were written meanwhile; then the collection is unchanged
 */
async function replaceByCopy(
  connection: QdrantConnection,
  name: string,
  create: (name: string) => Promise<void>,
): Promise<void> {
  const copy = copyName(name)
  // Left by an interrupted call: points may have been removed since.
  await connection.run((client) => client.deleteCollection(copy))
  await create(copy)
  const request = { limit: COPIED_AT_ONCE, with_payload: true, with_vector: true }
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
async function finishCopy(connection: QdrantConnection, name: string): Promise<void> {
  const actions = [{ create_alias: { alias_name: name, collection_name: copyName(name) } }]
  await connection.run((client) => client.updateCollectionAliases({ actions }))
}

import { createHash } from 'node:crypto'
import type { QdrantClient, Schemas } from '@qdrant/js-client-rest'
import { QdrantFailure, type QdrantLink } from './connection.ts'
import { FIELD_INDEXES } from './fields.ts'
import { SPARSE, VECTOR } from './points.ts'

export interface CollectionOptions {
  /** Stands before the name of every collection, so that several stores share a server. */
  prefix: string
  /** Whose vectors the memories carry. */
  embedder: { readonly name: string; readonly dimensions: number }
  /** Copies of every point in a cluster. @default 1 */
  replicationFactor?: number | undefined
  /** How many of the copies must have a write before it counts as done. @default most of them */
  writeConsistencyFactor?: number | undefined
  /** Parts that a collection is spread over in a cluster. @default as many as there are nodes */
  shardNumber?: number | undefined
}

/** The collections of one store. */
export interface Collections {
  /** Name of the one for records with vectors of the embedder in use. */
  memories: string
  /** Whether it has the vector of terms. A server before 1.18 cannot add one to a collection that was made without. */
  hasSparse: boolean
  /** Name of the one for all other records, and the journal. */
  documents: string
}

type Index = Exclude<
  Parameters<QdrantClient['createPayloadIndex']>[1]['field_schema'],
  undefined | null | string
>

/** What every question filters or orders by: without its index Qdrant refuses some of them and scans for the rest. */
const INDEXES: Record<string, Index & { type: string; is_tenant?: true }> = {
  scope: { type: 'keyword', is_tenant: true },
  collection: { type: 'keyword' },
  order: { type: 'integer', lookup: true, range: true },
}

/**
 * Sees to it that the collections are there, whole: what a start that died left half made is completed.
 *
 * The vectors of two embedders never meet: each has a collection of its own, named by a hash of its name and
 * dimensions. The alias `<prefix>memories` is that of the embedder in use.
 * @throws {Error} in words for the operator where a collection of that name is something else
 */
export async function ensureCollections(link: QdrantLink, options: CollectionOptions): Promise<Collections> {
  const { prefix, embedder } = options
  const documents = `${prefix}documents`
  const memories = `${prefix}memories_${hashOf(embedder)}`
  const { collections } = await link.run((client) => client.getCollections())
  const known = new Set(collections.map(({ name }) => name))
  const cluster = clusterOf(options)
  if (!known.has(documents)) await create(link, documents, { vectors: {}, ...cluster })
  if (!known.has(memories)) {
    await create(link, memories, {
      vectors: { [VECTOR]: { size: embedder.dimensions, distance: 'Cosine', on_disk: true } },
      sparse_vectors: { [SPARSE]: { modifier: 'idf' } },
      // One graph for each scope instead of one for all: no search crosses scopes.
      hnsw_config: { m: 0, payload_m: 16 },
      ...cluster,
    })
  }
  await ensureIndexes(link, documents, INDEXES)
  const info = await ensureIndexes(link, memories, { ...INDEXES, ...FIELD_INDEXES })
  assertFits(info, memories, embedder)
  const hasSparse = await ensureSparse(link, memories, info)
  if ((await aliasedBy(link, prefix)) === undefined) await pointAlias(link, prefix, memories)
  return { documents, memories, hasSparse }
}

function clusterOf({ replicationFactor = 1, writeConsistencyFactor, shardNumber }: CollectionOptions) {
  return {
    replication_factor: replicationFactor,
    write_consistency_factor: writeConsistencyFactor ?? Math.floor(replicationFactor / 2) + 1,
    ...(shardNumber === undefined ? {} : { shard_number: shardNumber }),
  }
}

function hashOf({ name, dimensions }: CollectionOptions['embedder']): string {
  return createHash('sha256')
    .update(JSON.stringify([name, dimensions]))
    .digest('hex')
    .slice(0, 16)
}

async function create(
  link: QdrantLink,
  name: string,
  params: Parameters<Parameters<Parameters<QdrantLink['run']>[0]>[0]['createCollection']>[1],
): Promise<void> {
  try {
    await link.run((client) => client.createCollection(name, params))
  } catch (error) {
    if (!(error instanceof QdrantFailure && error.isRefusal)) throw error
    // Made by another process, or by a try of ours whose answer was lost: what that is answered with has changed.
    const { collections } = await link.run((client) => client.getCollections())
    if (!collections.some((one) => one.name === name)) throw error
  }
}

async function ensureIndexes(
  link: QdrantLink,
  name: string,
  indexes: typeof INDEXES,
): Promise<Schemas['CollectionInfo']> {
  const info = await link.run((client) => client.getCollection(name))
  for (const [field, schema] of Object.entries(indexes)) {
    const index = info.payload_schema[field]
    const isTenant = (index?.params as { is_tenant?: boolean | null } | null | undefined)?.is_tenant === true
    if (index?.data_type === schema.type && isTenant === 'is_tenant' in schema) continue
    await link.run((client) =>
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
  const vectors = info.config.params.vectors as Record<string, { size?: number } | undefined> | undefined
  const size = vectors?.[VECTOR]?.size
  if (size === embedder.dimensions) return
  const has = size === undefined ? `no vector named ${VECTOR}` : `vectors of ${size} dimensions`
  throw new Error(
    `QDRANT_COLLECTION_PREFIX: the collection ${collection} has ${has}, and the embedder ${embedder.name} gives ` +
      `${embedder.dimensions}; it is not one that this program made. Choose another prefix, or delete the collection`,
  )
}

/** Adds the vector of terms to a collection that was made before there was one. */
async function ensureSparse(
  link: QdrantLink,
  name: string,
  info: Schemas['CollectionInfo'],
): Promise<boolean> {
  if (info.config.params.sparse_vectors?.[SPARSE]) return true
  try {
    await link.run((client) => client.createVectorName(name, SPARSE, { sparse: { modifier: 'idf' } }))
    return true
  } catch (error) {
    if (!(error instanceof QdrantFailure && error.isRefusal)) throw error
    const now = await link.run((client) => client.getCollection(name))
    return now.config.params.sparse_vectors?.[SPARSE] !== undefined
  }
}

/** The collection whose memories are in use, or nothing in a new store. */
async function aliasedBy(link: QdrantLink, prefix: string): Promise<string | undefined> {
  const { aliases } = await link.run((client) => client.getAliases())
  return aliases.find(({ alias_name }) => alias_name === `${prefix}memories`)?.collection_name
}

/** Makes a collection the one in use, at once for everybody who goes by the alias. */
export async function pointAlias(link: QdrantLink, prefix: string, collection: string): Promise<void> {
  const now = await aliasedBy(link, prefix)
  if (now === collection) return
  const alias_name = `${prefix}memories`
  const actions = [
    ...(now === undefined ? [] : [{ delete_alias: { alias_name } }]),
    { create_alias: { alias_name, collection_name: collection } },
  ]
  await link.run((client) => client.updateCollectionAliases({ actions }))
}

/** Erases the vectors of every embedder but the one in use, with the records that go with them. */
export async function dropOtherMemories(link: QdrantLink, prefix: string, kept: string): Promise<number> {
  const { collections } = await link.run((client) => client.getCollections())
  const others = collections
    .map(({ name }) => name)
    .filter((name) => name !== kept && isMemories(name, prefix))
  for (const name of others) await link.run((client) => client.deleteCollection(name))
  return others.length
}

function isMemories(name: string, prefix: string): boolean {
  const start = `${prefix}memories_`
  return name.startsWith(start) && /^[0-9a-f]{16}$/.test(name.slice(start.length))
}

import { createHash } from 'node:crypto'
import type { Schemas } from '@qdrant/js-client-rest'
import { QdrantFailure, type QdrantLink } from './qdrant-link.ts'
import { VECTOR } from './qdrant-points.ts'

export interface CollectionOptions {
  /** Stands before the name of every collection, so that several stores share a server. */
  prefix: string
  /** Whose vectors the memories carry. */
  embedder: { readonly name: string; readonly dimensions: number }
  /** Copies of every point in a cluster; a write is done when most of them have it. @default 1 */
  replicationFactor?: number | undefined
}

/** Names of the collections of one store. */
export interface Collections {
  /** Records with vectors of the embedder in use. */
  memories: string
  /** The same, with vectors of embedders before it, as long as there are records in them. */
  older: readonly string[]
  /** All other records, and the journal. */
  documents: string
}

/** What every question filters or orders by: without its index Qdrant refuses some of them and scans for the rest. */
const INDEXES = {
  scope: { type: 'keyword', is_tenant: true },
  collection: { type: 'keyword' },
  order: { type: 'integer', lookup: true, range: true },
} as const

/**
 * Sees to it that the collections are there, whole: what a start that died left half made is completed.
 *
 * The vectors of two embedders never meet: each has a collection of its own, named by a hash of its name and
 * dimensions. The alias `<prefix>memories` follows when nothing is left in the others.
 * @throws {Error} in words for the operator where a collection of that name is something else
 */
export async function ensureCollections(link: QdrantLink, options: CollectionOptions): Promise<Collections> {
  const { prefix, embedder, replicationFactor = 1 } = options
  const documents = `${prefix}documents`
  const memories = `${prefix}memories_${hashOf(embedder)}`
  const { collections } = await link.run((client) => client.getCollections())
  const known = new Set(collections.map(({ name }) => name))
  const copies = {
    replication_factor: replicationFactor,
    write_consistency_factor: Math.floor(replicationFactor / 2) + 1,
  }
  const vector = { size: embedder.dimensions, distance: 'Cosine', on_disk: true } as const
  // One graph for each scope instead of one for all: no search crosses scopes.
  const graph = { m: 0, payload_m: 16 }
  if (!known.has(documents)) await create(link, documents, { vectors: {}, ...copies })
  if (!known.has(memories)) {
    await create(link, memories, { vectors: { [VECTOR]: vector }, hnsw_config: graph, ...copies })
  }
  await ensureIndexes(link, documents)
  assertFits(await ensureIndexes(link, memories), memories, embedder)
  const older: string[] = []
  for (const name of known) {
    if (!name.startsWith(`${prefix}memories_`) || name === memories) continue
    if (!/^[0-9a-f]{16}$/.test(name.slice(`${prefix}memories_`.length))) continue
    const { count } = await link.run((client) => client.count(name, { exact: true }))
    if (count > 0) older.push(name)
  }
  await pointAlias(link, `${prefix}memories`, memories, older)
  return { documents, memories, older }
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

async function ensureIndexes(link: QdrantLink, name: string): Promise<Schemas['CollectionInfo']> {
  const info = await link.run((client) => client.getCollection(name))
  for (const [field, schema] of Object.entries(INDEXES)) {
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

/** The alias is for people and their tools: it shows where the memories are. */
async function pointAlias(
  link: QdrantLink,
  alias: string,
  target: string,
  older: readonly string[],
): Promise<void> {
  const { aliases } = await link.run((client) => client.getAliases())
  const now = aliases.find(({ alias_name }) => alias_name === alias)?.collection_name
  if (now === target || (now !== undefined && older.includes(now))) return
  const actions = [
    ...(now === undefined ? [] : [{ delete_alias: { alias_name: alias } }]),
    { create_alias: { alias_name: alias, collection_name: target } },
  ]
  await link.run((client) => client.updateCollectionAliases({ actions }))
}

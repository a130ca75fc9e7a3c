import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Embedder } from '../../ports/embedder.ts'
import type { RecordStore, Write } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { getRecord, recordReader, toPayload } from './record.ts'

/** Name and dimensions: what tells the vectors of two embedders apart. */
export type EmbedderName = Pick<Embedder, 'name' | 'dimensions'>

/** Collections whose records have vectors, in the order in which they are re-embedded. */
export const EMBEDDED = ['memories', 'versions'] as const

/** The embedder that made the vectors of a store. */
export interface EmbedderNote extends EmbedderName {
  /** Re-embedding with `name` has finished the scopes up to and including this one. Absent: nothing is under way. */
  underway?: { collection: (typeof EMBEDDED)[number]; scope: string } | undefined
  /** The embedder before this one, where its vectors still exist. */
  previous?: EmbedderName | undefined
}

const embedderName = { name: z.string(), dimensions: z.number() }
const readEmbedderNote = recordReader<EmbedderNote>(
  'meta',
  z.looseObject({
    ...embedderName,
    underway: z.looseObject({ collection: z.enum(EMBEDDED), scope: z.string() }).optional(),
    previous: z.looseObject(embedderName).optional(),
  }),
)

/** Scopes of `meta` records; scopes of users contain a slash. */
const EMBEDDER_SCOPE = 'meta'
const EMBEDDER_ID = 'embedder'
const IDENTITY_SCOPE = 'identity'

export async function getEmbedderNote(store: Pick<RecordStore, 'get'>): Promise<EmbedderNote | undefined> {
  return await getRecord(store, 'meta', EMBEDDER_SCOPE, EMBEDDER_ID, readEmbedderNote)
}

export async function saveEmbedderNote(
  store: RecordStore,
  { name, dimensions, underway, previous }: EmbedderNote,
): Promise<void> {
  const note = { name, dimensions, ...(underway && { underway }), ...(previous && { previous }) }
  await store.commit([putMeta(EMBEDDER_SCOPE, EMBEDDER_ID, note)])
}

const readIdentity = recordReader<{ name: string }>('meta', z.looseObject({ name: z.string() }))

/**
 * The unique name of a store, created at the first call. Caches use it as a key prefix, so that they never serve
 * entries of another store in the same folder.
 */
export async function storeIdentity(store: RecordStore): Promise<string> {
  const id = derivedId('identity')
  const stored = await getRecord(store, 'meta', IDENTITY_SCOPE, id, readIdentity)
  if (stored) return stored.name
  const name = randomUUID()
  await store.commit([putMeta(IDENTITY_SCOPE, id, { name })])
  return name
}

export function putMeta(scope: string, id: string, value: object): Write {
  return { put: { id, order: 0, payload: toPayload(value) }, collection: 'meta', scope }
}

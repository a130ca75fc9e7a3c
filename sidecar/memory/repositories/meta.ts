import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { derivedId } from '../model/scope.ts'
import { recordsOf } from './record.ts'

/** Collections whose records have vectors, in the order in which they are re-embedded. */
export const EMBEDDED = ['memories', 'versions'] as const

/** Identifies the vectors of an embedder. */
const embedderName = z.object({ name: z.string(), dimensions: z.number() })
export type EmbedderName = z.output<typeof embedderName>

/** The embedder that made the vectors of a store. */
const embedderNote = embedderName.extend({
  /** Re-embedding with `name` has finished the scopes up to and including this one. Absent: not under way. */
  underway: z.object({ collection: z.enum(EMBEDDED), scope: z.string() }).optional(),
  /** The embedder before this one, where its vectors still exist. */
  previous: embedderName.optional(),
})
export type EmbedderNote = z.output<typeof embedderNote>

const notes = recordsOf('meta', embedderNote)
const searchNotes = recordsOf('meta', z.object({ version: z.number() }))
const identities = recordsOf('meta', z.object({ name: z.string() }))

/** Scopes of `meta` records; scopes of users contain a slash. */
const META_SCOPE = 'meta'
const EMBEDDER_ID = 'embedder'
const SEARCH_ID = 'search'
const IDENTITY_SCOPE = 'identity'

export async function getEmbedderNote(store: Pick<RecordStore, 'get'>): Promise<EmbedderNote | undefined> {
  return await notes.get(store, META_SCOPE, EMBEDDER_ID)
}

export async function saveEmbedderNote(store: RecordStore, note: EmbedderNote): Promise<void> {
  await store.commit([notes.put(META_SCOPE, EMBEDDER_ID, 0, note)])
}

/** The version of the search entries of a store. */
export async function getSearchNote(
  store: Pick<RecordStore, 'get'>,
): Promise<{ version: number } | undefined> {
  return await searchNotes.get(store, META_SCOPE, SEARCH_ID)
}

export async function saveSearchNote(store: RecordStore, note: { version: number }): Promise<void> {
  await store.commit([searchNotes.put(META_SCOPE, SEARCH_ID, 0, note)])
}

/**
 * The unique name of a store, created at the first call. Every key in Redis starts with it, so that neither another store
 * on the same Redis nor an erased one is answered from there.
 * @param lock keeps two processes from creating two names
 */
export async function storeIdentity(
  store: RecordStore,
  lock: Pick<ScopeLock, 'run'> | undefined,
): Promise<string> {
  const id = derivedId('identity')
  const find = async () => (await identities.get(store, IDENTITY_SCOPE, id))?.name
  const create = async () => {
    const known = await find()
    if (known !== undefined) return known
    const name = randomUUID()
    await store.commit([identities.put(IDENTITY_SCOPE, id, 0, { name })])
    return name
  }
  return (await find()) ?? (await (lock ? lock.run(IDENTITY_SCOPE, create) : create()))
}

/** The next `storeIdentity` creates another one, so that no key in Redis belongs to the store. */
export async function removeStoreIdentity(store: RecordStore): Promise<void> {
  await store.commit([identities.remove(IDENTITY_SCOPE, derivedId('identity'))])
}

import type { Embedder } from '../ports/embedder.ts'
import { type Collection, type RecordStore, type StoredRecord, scrollAll } from '../ports/records.ts'
import type { PastVersion } from './history.ts'
import type { Memory } from './memory.ts'
import { completed } from './stored-memory.ts'

/** What a store was embedded with: the one record of the collection `meta`. */
export interface EmbedderNote extends EmbedderName {
  /** Being embedded anew with `name`: the scopes of a collection up to this one are done, and those before it. */
  underway?: Place | undefined
  /** What it was embedded with before, where those vectors are still there. */
  previous?: EmbedderName | undefined
}

/** What tells the vectors of two embedders apart. */
export type EmbedderName = Pick<Embedder, 'name' | 'dimensions'>

type Place = { collection: (typeof EMBEDDED)[number]; scope: string }

/** Collections whose records have vectors, in the order in which they are embedded anew. */
export const EMBEDDED = ['memories', 'versions'] as const satisfies readonly Collection[]

const META = 'meta'
const NOTE = 'embedder'

/**
 * Vectors of two embedders say nothing about each other: a store is opened with the one that it was made with. A new
 * store takes down the one that it is opened with first.
 * @throws {Error} in words for the operator, with the ways out
 */
export async function assertSameEmbedder(store: RecordStore, embedder: Embedder): Promise<void> {
  const note = await readNote(store)
  if (!note) {
    await writeNote(store, { name: embedder.name, dimensions: embedder.dimensions })
    return
  }
  if (note.name === embedder.name && note.dimensions === embedder.dimensions && note.underway === undefined)
    return
  throw new Error(
    note.underway === undefined
      ? `EMBEDDING_MODEL: the memories were embedded with ${note.name}, and the configuration has ${embedder.name}. Run \`npm run reembed\` with the new configuration, or set the old one again`
      : `EMBEDDING_MODEL: embedding the memories with ${note.name} was begun and is not done. Run \`npm run reembed\` to go on with it, or with another configuration to begin anew with that`,
  )
}

const PAGE = 64

/**
 * Embeds every memory and past version anew, scope by scope, where they stand, and can be stopped and begun again.
 * @param onProgress is told after each scope: scopes and memories done so far
 */
export async function reembed(
  store: RecordStore,
  embedder: Embedder,
  onProgress: (scopes: number, memories: number) => void,
): Promise<number> {
  const note = await readNote(store)
  const isSame = note?.name === embedder.name && note.dimensions === embedder.dimensions
  if (isSame && note?.underway === undefined) return 0
  const { name, dimensions } = embedder
  const start = (isSame && note?.underway) || { collection: EMBEDDED[0], scope: '' }
  await writeNote(store, { name, dimensions, underway: start })
  let done = 0
  let scopes = 0
  for (const collection of EMBEDDED.slice(EMBEDDED.indexOf(start.collection))) {
    let after = collection === start.collection ? start.scope : ''
    for (;;) {
      const page = await store.scopes(collection, { after, limit: PAGE })
      for (const scope of page) {
        done += await reembedScope(store, embedder, collection, scope)
        scopes += collection === EMBEDDED[0] ? 1 : 0
        await writeNote(store, { name, dimensions, underway: { collection, scope } })
        onProgress(scopes, done)
        after = scope
      }
      if (page.length < PAGE) break
    }
  }
  await writeNote(store, { name, dimensions })
  return done
}

async function reembedScope(
  store: RecordStore,
  embedder: Embedder,
  collection: Collection,
  scope: string,
): Promise<number> {
  let done = 0
  let records: StoredRecord[] = []
  const flush = async () => {
    if (records.length === 0) return
    const vectors = await embedder.embed(records.map(textOf), 'document', undefined, { scope })
    const writes = records.map((record, i) => ({
      put: completed(collection, { ...record, dense: vectors[i] }),
      collection,
      scope,
    }))
    await store.commit(writes)
    done += records.length
    records = []
  }
  for await (const record of scrollAll(store, collection, scope)) {
    // The mark that a memory has ended is never searched.
    if (record.dense) records.push(record)
    if (records.length === PAGE) await flush()
  }
  await flush()
  return done
}

export function textOf({ payload }: StoredRecord): string {
  const past = payload as unknown as PastVersion
  return (past.memory ?? (payload as unknown as Memory)).text
}

export async function readNote(store: Pick<RecordStore, 'get'>): Promise<EmbedderNote | undefined> {
  const record = await store.get('meta', META, NOTE)
  return record && (record.payload as unknown as EmbedderNote)
}

export async function writeNote(
  store: RecordStore,
  { name, dimensions, underway, previous }: EmbedderNote,
): Promise<void> {
  const payload = { name, dimensions, ...(underway && { underway }), ...(previous && { previous }) }
  await store.commit([{ put: { id: NOTE, order: 0, payload }, collection: 'meta', scope: META }])
}

import type { Embedder } from '../../ports/embedder.ts'
import {
  type RecordStore,
  type StoredRecord,
  scopesOf,
  scrollPages,
  type Write,
} from '../../ports/records.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import { readMemory } from '../repositories/memories.ts'
import { EMBEDDED, getEmbedderNote, saveEmbedderNote } from '../repositories/meta.ts'
import { isZero, putUnembeddedNote } from '../repositories/unembedded.ts'
import { readPastVersion } from '../repositories/versions.ts'

export type EmbeddedCollection = (typeof EMBEDDED)[number]

/**
 * Vectors of different embedders are not comparable: a store opens only with the embedder that made its vectors. A new
 * store records the embedder that it is opened with.
 * @throws {Error} with the steps for the operator
 */
export async function assertSameEmbedder(store: RecordStore, embedder: Embedder): Promise<void> {
  const { name, dimensions } = embedder
  const note = await getEmbedderNote(store)
  if (!note) return await saveEmbedderNote(store, { name, dimensions })
  if (note.underway) {
    throw new Error(
      `EMBEDDING_MODEL: re-embedding the memories with ${note.name} is not finished. Run \`npm run reembed\` to continue, or set another model and run it to start again`,
    )
  }
  if (note.name !== name || note.dimensions !== dimensions) {
    if (withoutPrefixes(note.name) === withoutPrefixes(name) && note.dimensions === dimensions) {
      throw new Error(
        `EMBEDDING_QUERY_PREFIX, EMBEDDING_DOCUMENT_PREFIX: the memories were embedded by ${withoutPrefixes(name)} with ${note.name === withoutPrefixes(name) ? 'no' : 'other'} prefixes. Run \`npm run reembed\` to embed them again, or set the old prefixes (\`none\` for no prefix)`,
      )
    }
    throw new Error(
      `EMBEDDING_MODEL: expected ${note.name} (${note.dimensions} dimensions), which embedded the memories, got ${name} (${dimensions} dimensions). Set the old model again, or run \`npm run reembed\` with the new one`,
    )
  }
}

/** The name of an embedder whatever it writes before the texts. */
function withoutPrefixes(name: string): string {
  return name.replace(/\+prefixes-[0-9a-f]+$/, '')
}

const PAGE = 64

/**
 * Re-embeds every memory and past version in place, scope by scope. Can be interrupted and repeated.
 * @param onProgress called after each scope with the scopes and memories done so far
 */
export async function reembed(
  store: RecordStore,
  embedder: Embedder,
  onProgress: (scopes: number, memories: number) => void,
): Promise<number> {
  const { name, dimensions } = embedder
  const note = await getEmbedderNote(store)
  const isSame = note?.name === name && note.dimensions === dimensions
  if (isSame && !note.underway) return 0
  const start = (isSame && note.underway) || { collection: EMBEDDED[0], scope: '' }
  await saveEmbedderNote(store, { name, dimensions, underway: start })
  let done = 0
  let scopes = 0
  for (const collection of EMBEDDED.slice(EMBEDDED.indexOf(start.collection))) {
    const after = collection === start.collection ? start.scope : ''
    for await (const scope of scopesOf(store, collection, after)) {
      done += await reembedScope(store, embedder, collection, scope)
      scopes += collection === EMBEDDED[0] ? 1 : 0
      await saveEmbedderNote(store, { name, dimensions, underway: { collection, scope } })
      onProgress(scopes, done)
    }
  }
  await saveEmbedderNote(store, { name, dimensions })
  return done
}

async function reembedScope(
  store: RecordStore,
  embedder: Embedder,
  collection: EmbeddedCollection,
  scope: string,
): Promise<number> {
  let done = 0
  for await (const page of scrollPages(store, collection, scope, { limit: PAGE })) {
    // End markers of memories have no vector.
    const records = page.filter(({ dense }) => dense)
    const embedded = await embedRecords(records, embedder, collection, scope)
    await store.commit([
      ...embedded.map((put) => ({ put, collection, scope })),
      ...noteOfMissing(embedded, scope),
    ])
    done += records.length
  }
  return done
}

/** Marks a scope of which some records have got no vector: the sidecar embeds them as soon as it can. */
export function noteOfMissing(embedded: readonly StoredRecord[], scope: string): Write[] {
  const isComplete = embedded.every(({ dense }) => !dense || !isZero(dense))
  return isComplete ? [] : [putUnembeddedNote({ scope }, 0)]
}

/**
 * Returns the records with new vectors; records without a vector get none. Where clients embed and none is there, as in a
 * command, the vectors are zero.
 */
export async function embedRecords(
  records: readonly StoredRecord[],
  embedder: Embedder,
  collection: EmbeddedCollection,
  scope: string,
): Promise<StoredRecord[]> {
  const searchable = records.filter(({ dense }) => dense)
  const texts = searchable.map((record) => {
    const { memory } = collection === 'memories' ? readMemory(record) : readPastVersion(record).past
    return searchedText(memory)
  })
  const canEmbed = texts.length > 0 && (embedder.isReachable?.(scope) ?? true)
  const vectors = canEmbed ? await embedder.embed(texts, 'document', undefined, { scope }) : []
  // A refused text has an empty vector.
  const denseOf = new Map(
    searchable.map((record, i) => [
      record,
      vectors[i]?.length ? vectors[i] : new Float32Array(embedder.dimensions),
    ]),
  )
  return records.map((record) => ({ ...record, dense: denseOf.get(record) }))
}

import type { Embedder } from '../ports/embedder.ts'
import { type RecordStore, type StoredRecord, scrollAll } from '../ports/records.ts'
import type { PastVersion } from './history.ts'
import type { Memory } from './memory.ts'

/** What a store was embedded with: the one record of the collection `meta`. */
interface EmbedderNote {
  name: string
  dimensions: number
  /** Being embedded anew with `name`: the scopes up to this one are done. */
  underway?: string | undefined
}

const META = 'meta'
const NOTE = 'embedder'

/**
 * Vectors of two embedders say nothing about each other: a store is opened with the one that it was made with. A new
 * store takes down the one that it is opened with first.
 * @throws {Error} in words for the operator, with both ways out
 */
export async function assertSameEmbedder(store: RecordStore, embedder: Embedder): Promise<void> {
  const note = await readNote(store)
  if (!note) {
    await writeNote(store, { name: embedder.name, dimensions: embedder.dimensions })
    return
  }
  if (note.name === embedder.name && note.dimensions === embedder.dimensions && note.underway === undefined)
    return
  const made =
    note.underway === undefined
      ? `the memories were embedded with ${note.name}, and the configuration has ${embedder.name}`
      : `embedding the memories with ${note.name} was begun and is not done`
  throw new Error(
    `EMBEDDING_MODEL: ${made}. Run \`npm run reembed\` with the new configuration, or set the old one again`,
  )
}

const PAGE = 64

/**
 * Embeds every memory and past version anew, scope by scope, and can be stopped and begun again.
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
  let done = 0
  let scopes = 0
  let after = isSame ? note?.underway : ''
  await writeNote(store, { name, dimensions, underway: after ?? '' })
  for (;;) {
    const page = await store.scopes('memories', { after, limit: PAGE })
    for (const scope of page) {
      for (const collection of ['memories', 'versions'] as const) {
        let records: StoredRecord[] = []
        const flush = async () => {
          const vectors = await embedder.embed(records.map(textOf), 'document', undefined, { scope })
          const writes = records.map((record, i) => ({
            put: { ...record, dense: vectors[i] },
            collection,
            scope,
          }))
          await store.commit(writes)
          done += records.length
          records = []
        }
        for await (const record of scrollAll(store, collection, scope)) {
          records.push(record)
          if (records.length === PAGE) await flush()
        }
        if (records.length > 0) await flush()
      }
      scopes += 1
      after = scope
      await writeNote(store, { name, dimensions, underway: scope })
      onProgress(scopes, done)
    }
    if (page.length < PAGE) break
  }
  await writeNote(store, { name, dimensions })
  return done
}

function textOf({ payload }: StoredRecord): string {
  const past = payload as unknown as PastVersion
  return (past.memory ?? (payload as unknown as Memory)).text
}

async function readNote(store: RecordStore): Promise<EmbedderNote | undefined> {
  const record = await store.get('meta', META, NOTE)
  return record && (record.payload as unknown as EmbedderNote)
}

async function writeNote(store: RecordStore, { name, dimensions, underway }: EmbedderNote): Promise<void> {
  const payload = { name, dimensions, ...(underway === undefined ? {} : { underway }) }
  await store.commit([{ put: { id: NOTE, order: 0, payload }, collection: 'meta', scope: META }])
}

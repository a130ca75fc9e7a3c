import { withSearchFields } from '../memory/repositories/memories.ts'
import { type RecordStore, scrollAll, type Write } from '../ports/records.ts'
import { type Comparison, compareStores, scopesOf } from './compare.ts'
import { COLLECTIONS, type Place, readMigration, writeMigration } from './note.ts'

export interface MigrateOptions {
  source: RecordStore
  target: RecordStore
  /** Name of the source, for people: it is the same each time. */
  from: string
  /** Records copied, or compared, since the call. */
  onProgress: (step: 'copied' | 'compared', records: number) => void
  now?: () => number
}

export interface Migrated extends Comparison {
  /** It had been done before, and nothing was touched. */
  already: boolean
}

/** Records, and characters of their payloads, roughly, that are written together. */
const MAX_RECORDS = 500
const MAX_LENGTH = 4 * 1024 * 1024

/**
 * Copies everything of one store into another, which must be empty, and compares the two. Can be interrupted at any
 * moment and called again: it goes on where it was. The source is left as it is, and nobody may write to it meanwhile.
 * @throws {Error} in words for the operator where the target holds anything else, or is not the same in the end
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { source, target, from, onProgress, now = Date.now } = options
  const note = await readMigration(target)
  if (note && note.from !== from) {
    throw new Error(`the target is filled from ${note.from}, and this is ${from}; nothing was copied`)
  }
  if (note && note.done_at !== null) return { already: true, counts: {}, differences: [] }
  if (!note) {
    await assertEmpty(target)
    await writeMigration(target, { from, place: null, done_at: null })
  }
  await copyAll(options, note?.place ?? null)
  const comparison = await compareStores(source, target, (records) => onProgress('compared', records))
  if (comparison.differences.length > 0) {
    // The next call copies everything anew.
    await writeMigration(target, { from, place: null, done_at: null })
    throw new Error(`the target is not the same as the source:\n  ${comparison.differences.join('\n  ')}`)
  }
  await target.generations?.adopt()
  await writeMigration(target, { from, place: null, done_at: now() })
  return { already: false, ...comparison }
}

/** What the store is may stand there: a sidecar that was once started on it has noted that down. */
async function assertEmpty(target: RecordStore): Promise<void> {
  for (const collection of COLLECTIONS) {
    if (collection === 'meta') continue
    const [scope] = await target.scopes(collection, { limit: 1 })
    if (scope === undefined) continue
    throw new Error(
      `the target is not empty (it has ${collection}); nothing was copied. Give it another QDRANT_COLLECTION_PREFIX or DATA_DIR`,
    )
  }
}

async function copyAll(options: MigrateOptions, start: Place | null): Promise<void> {
  const { source, target, from, onProgress } = options
  let copied = 0
  let writes: Write[] = []
  let length = 0
  let place: Place | null = start
  const flush = async () => {
    if (writes.length === 0) return
    await target.commit(writes)
    copied += writes.length
    writes = []
    length = 0
    await writeMigration(target, { from, place, done_at: null })
    onProgress('copied', copied)
  }
  const first = start ? COLLECTIONS.indexOf(start.collection) : 0
  for (const collection of COLLECTIONS.slice(first)) {
    const after = start?.collection === collection ? start.scope : ''
    for await (const scope of scopesOf(source, collection, after)) {
      for await (const record of scrollAll(source, collection, scope, MAX_RECORDS)) {
        writes.push({ put: withSearchFields(collection, record), collection, scope })
        length += JSON.stringify(record.payload).length
        if (writes.length >= MAX_RECORDS || length >= MAX_LENGTH) await flush()
      }
      // All of it is there once what waits is written.
      place = { collection, scope }
    }
  }
  await flush()
}

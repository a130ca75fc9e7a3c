import { COLLECTIONS, type RecordStore, scrollAll, type Write } from '../../ports/records.ts'
import { type Comparison, compareStores, scopesOf } from './compare.ts'
import { type Checkpoint, readMigrationState, writeMigrationState } from './migration-state.ts'

export interface MigrateOptions {
  source: RecordStore
  target: RecordStore
  /** Display name of the source; identifies it when the migration continues. */
  from: string
  /** Called with the number of records copied or compared since the call. */
  onProgress: (step: 'copied' | 'compared', records: number) => void
  now?: () => number
}

export interface MigrationResult extends Comparison {
  /** The migration was completed by an earlier call; this call did nothing. */
  wasComplete: boolean
}

/** Limits of one commit: records, and approximate characters of their payloads. */
const MAX_RECORDS = 500
const MAX_LENGTH = 4 * 1024 * 1024

/**
 * Copies one store into another, empty one and compares the two. An interrupted migration continues at its last
 * checkpoint when it is called again. The source stays unchanged and must not be written to meanwhile.
 * @throws {Error} for the operator if the target is not empty, or differs from the source after the copy
 */
export async function migrate(options: MigrateOptions): Promise<MigrationResult> {
  const { source, target, from, onProgress, now = Date.now } = options
  const state = await readMigrationState(target)
  if (state && state.from !== from) {
    throw new Error(
      `the target already contains a migration from ${state.from}, not from ${from}; nothing was copied`,
    )
  }
  if (state && state.done_at !== null) return { wasComplete: true, counts: {}, differences: [] }
  if (!state) {
    await assertEmpty(target)
    await removeNotes(target)
    await writeMigrationState(target, { from, place: null, done_at: null })
  }
  await copyAll(options, state?.place ?? null)
  const comparison = await compareStores(source, target, (records) => onProgress('compared', records))
  if (comparison.differences.length > 0) {
    // The next call copies everything again.
    await writeMigrationState(target, { from, place: null, done_at: null })
    throw new Error(`the target differs from the source:\n  ${comparison.differences.join('\n  ')}`)
  }
  await target.generations?.adopt()
  await writeMigrationState(target, { from, place: null, done_at: now() })
  return { wasComplete: false, ...comparison }
}

/** `meta` may have records: a sidecar that was started on the store has described the store there. */
async function assertEmpty(target: RecordStore): Promise<void> {
  for (const collection of COLLECTIONS) {
    if (collection === 'meta') continue
    const [scope] = await target.scopes(collection, { limit: 1 })
    if (scope === undefined) continue
    throw new Error(
      `the target is not empty (it has ${collection}); nothing was copied. Set another QDRANT_COLLECTION_PREFIX or DATA_DIR`,
    )
  }
}

/** Notes of the empty store do not hold for what is copied into it, such as that every memory has a search entry. */
async function removeNotes(target: RecordStore): Promise<void> {
  for await (const scope of scopesOf(target, 'meta')) {
    for await (const { id } of scrollAll(target, 'meta', scope)) {
      await target.commit([{ remove: id, collection: 'meta', scope }])
    }
  }
}

async function copyAll(options: MigrateOptions, start: Checkpoint | null): Promise<void> {
  const { source, target, from, onProgress } = options
  let copied = 0
  let writes: Write[] = []
  let length = 0
  let place: Checkpoint | null = start
  const flush = async () => {
    if (writes.length === 0) return
    await target.commit(writes)
    copied += writes.length
    writes = []
    length = 0
    await writeMigrationState(target, { from, place, done_at: null })
    onProgress('copied', copied)
  }
  const first = start ? COLLECTIONS.indexOf(start.collection) : 0
  for (const collection of COLLECTIONS.slice(first)) {
    const after = start?.collection === collection ? start.scope : ''
    for await (const scope of scopesOf(source, collection, after)) {
      for await (const record of scrollAll(source, collection, scope, { limit: MAX_RECORDS })) {
        writes.push({ put: record, collection, scope })
        length += JSON.stringify(record.payload).length
        if (writes.length >= MAX_RECORDS || length >= MAX_LENGTH) await flush()
      }
      // The scope is complete once the buffered writes are flushed.
      place = { collection, scope }
    }
  }
  await flush()
}

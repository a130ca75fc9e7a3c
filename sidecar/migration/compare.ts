import { createHash } from 'node:crypto'
import { type Collection, type RecordStore, type StoredRecord, scrollAll } from '../ports/records.ts'
import { COLLECTIONS, MIGRATION } from './note.ts'

/** Records of one collection and scope, by their number and all that they hold. */
interface Sum {
  count: number
  checksum: string
}

/** What a comparison found: how much there is by collection, and where the two stores differ, in words. */
export interface Comparison {
  counts: Record<string, { scopes: number; records: number }>
  differences: string[]
}

/** Differences that are told; more say no more. */
const MAX_DIFFERENCES = 10

/** Compares two stores collection by collection and scope by scope. What a search finds records by is not compared. */
export async function compareStores(
  source: RecordStore,
  target: RecordStore,
  onProgress: (records: number) => void,
): Promise<Comparison> {
  const counts: Comparison['counts'] = {}
  const differences: string[] = []
  let records = 0
  for (const collection of COLLECTIONS) {
    const scopes = new Set<string>()
    for (const store of [source, target]) {
      for await (const scope of scopesOf(store, collection)) scopes.add(scope)
    }
    const count = { scopes: 0, records: 0 }
    for (const scope of scopes) {
      const [here, there] = await Promise.all([
        sumOf(source, collection, scope),
        sumOf(target, collection, scope),
      ])
      records += here.count
      onProgress(records)
      count.scopes += 1
      count.records += here.count
      if (here.checksum === there.checksum) continue
      const found = `${there.count} records${here.count === there.count ? ', which hold something else' : ''}`
      differences.push(`${collection} of ${scope}: expected ${here.count} records, found ${found}`)
      if (differences.length === MAX_DIFFERENCES) return { counts, differences }
    }
    if (count.records > 0) counts[collection] = count
  }
  return { counts, differences }
}

/** Scopes of a collection, without that of the note of a migration, which is the target's own. */
export async function* scopesOf(
  store: RecordStore,
  collection: Collection,
  start = '',
): AsyncGenerator<string> {
  let after = start
  for (;;) {
    const page = await store.scopes(collection, { after, limit: 1000 })
    for (const scope of page) if (collection !== 'meta' || scope !== MIGRATION) yield scope
    if (page.length < 1000) return
    after = page.at(-1) as string
  }
}

async function sumOf(store: RecordStore, collection: Collection, scope: string): Promise<Sum> {
  const hash = createHash('sha256')
  let count = 0
  for await (const record of scrollAll(store, collection, scope)) {
    count += 1
    add(hash, record)
  }
  return { count, checksum: hash.digest('hex') }
}

function add(hash: ReturnType<typeof createHash>, { id, order, payload, dense }: StoredRecord): void {
  hash.update(JSON.stringify([id, order, payload, dense?.length ?? null]))
  if (dense) hash.update(new Uint8Array(dense.buffer, dense.byteOffset, dense.byteLength))
}

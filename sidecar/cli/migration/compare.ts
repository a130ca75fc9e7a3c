import { createHash } from 'node:crypto'
import {
  scopesOf as allScopesOf,
  COLLECTIONS,
  type Collection,
  type RecordStore,
  scrollAll,
} from '../../ports/records.ts'
import { MIGRATION_SCOPE } from './migration-state.ts'

export interface Comparison {
  /** By collection. */
  counts: Record<string, { scopes: number; records: number }>
  /** Descriptions of the differing scopes, for the operator. */
  differences: string[]
}

/** The comparison stops after this many differences. */
const MAX_DIFFERENCES = 10

/** Compares two stores by scope. */
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
      const [expected, actual] = await Promise.all([
        digestOf(source, collection, scope),
        digestOf(target, collection, scope),
      ])
      records += expected.count
      onProgress(records)
      count.scopes += 1
      count.records += expected.count
      if (expected.checksum === actual.checksum) continue
      const found = `${actual.count} records${expected.count === actual.count ? ' with different content' : ''}`
      differences.push(`${collection} of ${scope}: expected ${expected.count} records, got ${found}`)
      if (differences.length === MAX_DIFFERENCES) return { counts, differences }
    }
    if (count.records > 0) counts[collection] = count
  }
  return { counts, differences }
}

/** Scopes of a collection, except that of the migration state, which only the target has. */
export async function* scopesOf(...args: Parameters<typeof allScopesOf>): AsyncGenerator<string> {
  for await (const scope of allScopesOf(...args)) {
    if (args[1] !== 'meta' || scope !== MIGRATION_SCOPE) yield scope
  }
}

/** Number and checksum of the records of one scope. */
async function digestOf(store: RecordStore, collection: Collection, scope: string) {
  const hash = createHash('sha256')
  let count = 0
  for await (const { id, order, payload, dense } of scrollAll(store, collection, scope)) {
    count += 1
    hash.update(JSON.stringify([id, order, payload, dense?.length ?? null]))
    if (dense) hash.update(new Uint8Array(dense.buffer, dense.byteOffset, dense.byteLength))
  }
  return { count, checksum: hash.digest('hex') }
}

import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type {
  Collection,
  JsonObject,
  ScrollOptions,
  SearchQuery,
  StoredRecord,
  Write,
} from '../../ports/records.ts'
import { openFile, openFileReadOnly, upgrade } from './file.ts'
import type { Table } from './messages.ts'
import { VERSIONS } from './record-schema.ts'
import { openEntries } from './search/entries.ts'
import { packedFromBytes, packedToBytes } from './search/packed-vector.ts'
import { openBlocks } from './search/scope-blocks.ts'
import { openSearch } from './search/search.ts'
import { termsFromBytes } from './search/terms.ts'

/** Of a memory; `entry` is the number of its search entry, `payload` is JSON. */
export type PayloadRow = [id: string, position: number, entry: number | null, payload: string]

/** The records file. Runs in the worker thread. */
export function openRecordTable(
  path: string,
  { maxPages, isReadOnly = false }: { maxPages?: number | undefined; isReadOnly?: boolean | undefined },
): Table {
  const file = isReadOnly
    ? openFileReadOnly(path, VERSIONS.length)
    : openFile(path, (db) => upgrade(db, VERSIONS))
  const { db } = file
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const put = db.prepare(
    `INSERT INTO records (scope, collection, id, position, payload, dense, entry) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (scope, collection, id) DO UPDATE SET position = excluded.position, payload = excluded.payload,
       dense = excluded.dense, entry = excluded.entry, sparse = NULL`,
  )
  const remove = db.prepare('DELETE FROM records WHERE scope = ? AND collection = ? AND id = ?')
  const entryOf = db.prepare(
    "SELECT entry FROM records WHERE scope = ? AND collection = 'memories' AND id = ?",
  )
  const addScope = db.prepare('INSERT OR IGNORE INTO scopes (collection, scope) VALUES (?, ?)')
  const removeScope = db.prepare(
    `DELETE FROM scopes WHERE collection = ? AND scope = ?
     AND NOT EXISTS (SELECT 1 FROM records WHERE records.scope = scopes.scope AND records.collection = scopes.collection)`,
  )
  const select = (rest: string) =>
    db.prepare(
      `SELECT records.id, records.position, payload, coalesce(records.dense, e.dense) AS dense, terms, features
       FROM records LEFT JOIN search_entries e ON e.no = records.entry
       WHERE scope = ? AND collection = ? AND ${rest}`,
    )
  const get = select('records.id = ?')
  const payload = db.prepare(
    "SELECT id, position, entry, payload FROM records WHERE scope = ? AND collection = 'memories' AND id = ?",
  )
  payload.setReturnArrays(true)
  const ascending = select(
    '(records.position, records.id) > (?, ?) ORDER BY records.position ASC, records.id ASC LIMIT ?',
  )
  const descending = select(
    '(records.position, records.id) < (?, ?) ORDER BY records.position DESC, records.id DESC LIMIT ?',
  )
  const scopes = db.prepare(
    'SELECT scope FROM scopes WHERE collection = ? AND scope > ? ORDER BY scope LIMIT ?',
  )

  const blocks = openBlocks(db, { isReadOnly })
  const entries = openEntries(db, blocks)
  if (!isReadOnly) inTransaction(db, entries.buildMissing)
  const { search, entries: searchEntries } = openSearch(db, blocks)

  const reads = {
    get(collection: Collection, scope: string, id: string) {
      const row = get.get(scope, collection, id)
      return row && toRecord(row)
    },
    scroll(collection: Collection, scope: string, { limit, after, direction }: ScrollOptions) {
      const [statement, start] =
        direction === 'descending' ? [descending, Number.POSITIVE_INFINITY] : [ascending, -1]
      return statement.all(scope, collection, after?.order ?? start, after?.id ?? '', limit).map(toRecord)
    },
    search,
    entries: searchEntries,
    searchWithEntries(scope: string, query: SearchQuery) {
      const found = search(scope, query)
      return { found, entries: searchEntries(found.numbers) }
    },
    read: (scope: string, ids: readonly string[]) =>
      ids.map((id) => payload.get(scope, id)).filter((row) => row !== undefined),
    scopes: (collection: Collection, after: string, limit: number) =>
      scopes.all(collection, after, limit).map((row) => row['scope']),
  }
  const writes = {
    check: file.probe,
    commit(all: readonly Write[]) {
      const searchable = entries.begin()
      for (const write of all) {
        const { collection, scope } = write
        const id = 'put' in write ? write.put.id : write.remove
        const known = collection === 'memories' ? entryOf.get(scope, id)?.['entry'] : null
        const no = typeof known === 'number' ? known : null
        const entry = 'put' in write && collection === 'memories' ? write.put.search : undefined
        if (no !== null) searchable.remove(scope, no)
        if ('remove' in write) {
          remove.run(scope, collection, id)
          continue
        }
        const { order, payload, dense } = write.put
        const newNo = entry ? searchable.put(scope, { ...write.put, search: entry }) : null
        const bytes = dense && !entry ? packedToBytes(dense) : null
        put.run(scope, collection, id, order, JSON.stringify(payload), bytes, newNo)
      }
      searchable.finish()
      const touched = new Map(all.map((write) => [`${write.collection} ${write.scope}`, write]))
      for (const { collection, scope } of touched.values()) {
        addScope.run(collection, scope)
        removeScope.run(collection, scope)
      }
    },
  }
  return { ...file, reads, writes }
}

function inTransaction(db: DatabaseSync, change: () => void): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    change()
    db.exec('COMMIT')
  } catch (cause) {
    db.exec('ROLLBACK')
    throw cause
  }
}

function toRecord(row: Record<string, SQLOutputValue>): StoredRecord {
  const { id, position, payload, dense, terms, features } = row
  return {
    id: id as string,
    order: position as number,
    payload: JSON.parse(payload as string) as JsonObject,
    dense: dense instanceof Uint8Array ? packedFromBytes(dense) : undefined,
    search:
      terms instanceof Uint8Array
        ? { ...termsFromBytes(terms), features: JSON.parse(features as string) as JsonObject }
        : undefined,
  }
}

import type { SQLOutputValue } from 'node:sqlite'
import type { Collection, JsonObject, ScrollOptions, StoredRecord, Write } from '../../ports/records.ts'
import { openFile, upgrade } from './file.ts'
import type { Table } from './messages.ts'
import { packedFromBytes, packedToBytes } from './packed-vector.ts'
import { VERSIONS } from './record-schema.ts'

/** The records file. Runs in the worker thread. */
export function openRecordTable(path: string, { maxPages }: { maxPages?: number | undefined }): Table {
  const file = openFile(path, (db) => upgrade(db, VERSIONS))
  const { db } = file
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const put = db.prepare(
    `INSERT INTO records (scope, collection, id, position, payload, dense) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (scope, collection, id) DO UPDATE SET position = excluded.position, payload = excluded.payload,
       dense = excluded.dense, sparse = NULL`,
  )
  const remove = db.prepare('DELETE FROM records WHERE scope = ? AND collection = ? AND id = ?')
  const addScope = db.prepare('INSERT OR IGNORE INTO scopes (collection, scope) VALUES (?, ?)')
  const removeScope = db.prepare(
    `DELETE FROM scopes WHERE collection = ? AND scope = ?
     AND NOT EXISTS (SELECT 1 FROM records WHERE records.scope = scopes.scope AND records.collection = scopes.collection)`,
  )
  const select = (rest: string) =>
    db.prepare(
      `SELECT id, position, payload, dense FROM records WHERE scope = ? AND collection = ? AND ${rest}`,
    )
  const get = select('id = ?')
  const ascending = select('(position, id) > (?, ?) ORDER BY position ASC, id ASC LIMIT ?')
  const descending = select('(position, id) < (?, ?) ORDER BY position DESC, id DESC LIMIT ?')
  const scopes = db.prepare(
    'SELECT scope FROM scopes WHERE collection = ? AND scope > ? ORDER BY scope LIMIT ?',
  )

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
    scopes: (collection: Collection, after: string, limit: number) =>
      scopes.all(collection, after, limit).map((row) => row['scope']),
    check: () => db.exec('SELECT 1'),
  }
  const writes = {
    commit(all: readonly Write[]) {
      for (const write of all) {
        const { collection, scope } = write
        if ('remove' in write) {
          remove.run(scope, collection, write.remove)
          continue
        }
        const { id, order, payload, dense } = write.put
        const bytes = dense ? packedToBytes(dense) : null
        put.run(scope, collection, id, order, JSON.stringify(payload), bytes)
      }
      const touched = new Map(all.map((write) => [`${write.collection} ${write.scope}`, write]))
      for (const { collection, scope } of touched.values()) {
        addScope.run(collection, scope)
        removeScope.run(collection, scope)
      }
    },
  }
  return { ...file, reads, writes }
}

function toRecord(row: Record<string, SQLOutputValue>): StoredRecord {
  const { id, position, payload, dense } = row
  return {
    id: id as string,
    order: position as number,
    payload: JSON.parse(payload as string) as JsonObject,
    dense: dense instanceof Uint8Array ? packedFromBytes(dense) : undefined,
  }
}

import type { SQLOutputValue } from 'node:sqlite'
import type { Collection, ScrollOptions, SparseVector } from '../../ports/records.ts'
import { packedFromBytes, packedToBytes, sparseFromBytes, sparseToBytes } from '../records/vector-bytes.ts'
import { openFile, upgrade } from './file.ts'
import type { Table } from './messages.ts'
import { VERSIONS } from './record-schema.ts'

/** A record as it crosses threads: the payload is JSON text, which is cheaper to copy than an object. */
export interface Row {
  id: string
  order: number
  payload: string
  dense: Float32Array | undefined
  sparse: SparseVector | undefined
}

export type RowWrite = { collection: Collection; scope: string } & ({ put: Row } | { remove: string })

/** The records file. Runs in the worker thread. */
export function openRecordTable(path: string, { maxPages }: { maxPages?: number | undefined }) {
  const file = openFile(path, (db) => upgrade(db, VERSIONS))
  const { db } = file
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const put = db.prepare(
    `INSERT INTO records (scope, collection, id, position, payload, dense, sparse) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (scope, collection, id) DO UPDATE SET position = excluded.position, payload = excluded.payload,
       dense = excluded.dense, sparse = excluded.sparse`,
  )
  // Most updates keep the position, and then this statement leaves the indexes untouched.
  const change = db.prepare(
    'UPDATE records SET payload = ?, dense = ?, sparse = ? WHERE scope = ? AND collection = ? AND id = ? AND position = ?',
  )
  const remove = db.prepare('DELETE FROM records WHERE scope = ? AND collection = ? AND id = ?')
  const addScope = db.prepare('INSERT OR IGNORE INTO scopes (collection, scope) VALUES (?, ?)')
  const removeScope = db.prepare(
    `DELETE FROM scopes WHERE collection = ? AND scope = ?
     AND NOT EXISTS (SELECT 1 FROM records WHERE records.scope = scopes.scope AND records.collection = scopes.collection)`,
  )
  const columns =
    'SELECT id, position, payload, dense, sparse FROM records WHERE scope = ? AND collection = ?'
  const get = db.prepare(`${columns} AND id = ?`)
  const ascending = db.prepare(`${columns} AND (position, id) > (?, ?) ORDER BY position ASC, id ASC LIMIT ?`)
  const descending = db.prepare(
    `${columns} AND (position, id) < (?, ?) ORDER BY position DESC, id DESC LIMIT ?`,
  )
  const scopes = db.prepare(
    'SELECT scope FROM scopes WHERE collection = ? AND scope > ? ORDER BY scope LIMIT ?',
  )

  function writeOne(write: RowWrite): void {
    const { collection, scope } = write
    if ('remove' in write) {
      remove.run(scope, collection, write.remove)
      return
    }
    const { id, order, payload, dense, sparse } = write.put
    const denseBytes = dense ? packedToBytes(dense) : null
    const sparseBytes = sparse ? sparseToBytes(sparse) : null
    const { changes } = change.run(payload, denseBytes, sparseBytes, scope, collection, id, order)
    if (changes === 0) put.run(scope, collection, id, order, payload, denseBytes, sparseBytes)
  }

  const reads = {
    get(collection: Collection, scope: string, id: string): Row | undefined {
      const row = get.get(scope, collection, id)
      return row && toRow(row)
    },
    scroll(
      collection: Collection,
      scope: string,
      { limit, after, direction = 'ascending' }: ScrollOptions,
    ): Row[] {
      const isUp = direction === 'ascending'
      const order = after?.order ?? (isUp ? -1 : Number.POSITIVE_INFINITY)
      return (isUp ? ascending : descending).all(scope, collection, order, after?.id ?? '', limit).map(toRow)
    },
    scopes: (collection: Collection, after: string, limit: number): string[] =>
      scopes.all(collection, after, limit).map((row) => row['scope'] as string),
    check: () => db.exec('SELECT 1'),
  }
  const writes = {
    commit(rows: readonly RowWrite[]): void {
      const filled = new Map<string, RowWrite>()
      const emptied = new Map<string, RowWrite>()
      for (const row of rows) {
        writeOne(row)
        ;('remove' in row ? emptied : filled).set(`${row.collection} ${row.scope}`, row)
      }
      for (const { collection, scope } of filled.values()) addScope.run(collection, scope)
      for (const { collection, scope } of emptied.values()) removeScope.run(collection, scope)
    },
  }
  return { ...file, reads, writes } satisfies Table
}

function toRow({ id, position, payload, dense, sparse }: Record<string, SQLOutputValue>): Row {
  return {
    id: id as string,
    order: position as number,
    payload: payload as string,
    dense: dense instanceof Uint8Array ? packedFromBytes(dense) : undefined,
    sparse: sparse instanceof Uint8Array ? sparseFromBytes(sparse) : undefined,
  }
}

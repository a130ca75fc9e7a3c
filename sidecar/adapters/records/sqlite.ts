import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { AppError } from '../../errors.ts'
import type { JsonObject, RecordStore, StoredRecord, Write } from '../../ports/records.ts'
import { openFile } from './sqlite-file.ts'
import { createSearch } from './sqlite-search.ts'
import { denseFromBytes, denseToBytes, sparseFromBytes, sparseToBytes } from './vector-bytes.ts'

/**
 * One SQLite file, owned by one process (an exclusive lock, freed by the system when the process dies).
 *
 * `synchronous=FULL` with the write-ahead log: a commit is on disk before it is acknowledged. Commits that arrive
 * in the same turn of the event loop share one transaction, so that the price of the disk is paid once for all.
 *
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 * @throws {Error} in words for the operator when the file is in use, newer than this program, or not a database
 */
export function openSqliteRecords(path: string): RecordStore {
  const db = openFile(path)
  const put = db.prepare(
    `INSERT INTO records (collection, scope, id, position, payload, dense, sparse) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET position = excluded.position, payload = excluded.payload, dense = excluded.dense,
       sparse = excluded.sparse`,
  )
  const remove = db.prepare('DELETE FROM records WHERE collection = ? AND scope = ? AND id = ?')
  const get = db.prepare(
    'SELECT id, position, payload, dense, sparse FROM records WHERE collection = ? AND scope = ? AND id = ?',
  )
  // The next scope by the primary key, one step each: reading all ids to tell scopes apart would not scale.
  const nextScope = db.prepare(
    'SELECT scope FROM records WHERE collection = ? AND scope > ? ORDER BY scope LIMIT 1',
  )
  const ascending = scrollStatement(db, '>', 'ASC')
  const descending = scrollStatement(db, '<', 'DESC')
  const search = createSearch({ db, toRecord, assertOpen })

  interface Waiting {
    writes: readonly Write[]
    resolve: () => void
    reject: (reason: unknown) => void
  }
  let waiting: Waiting[] = []
  let closed = false

  function flush(): void {
    const group = waiting
    waiting = []
    if (group.length === 0) return
    try {
      db.exec('BEGIN IMMEDIATE')
      for (const { writes } of group) for (const write of writes) apply(write, put, remove)
      db.exec('COMMIT')
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK')
      const error = new AppError(
        'backend_unavailable',
        'The record store could not write; nothing was stored.',
        {
          cause,
        },
      )
      for (const { reject } of group) reject(error)
      return
    }
    for (const { resolve } of group) resolve()
  }

  function assertOpen(): void {
    if (closed) throw new AppError('backend_unavailable', 'The record store is closed.')
  }

  return {
    kind: 'sqlite',
    async commit(writes) {
      assertOpen()
      await new Promise<void>((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ writes, resolve, reject })
      })
    },
    async get(collection, scope, id) {
      assertOpen()
      const row = get.get(collection, scope, id)
      return row && toRecord(row)
    },
    async scroll(collection, scope, { limit, after, direction = 'ascending' }) {
      assertOpen()
      const statement = direction === 'ascending' ? ascending : descending
      const order = after?.order ?? (direction === 'ascending' ? -1 : Number.POSITIVE_INFINITY)
      return statement.all(collection, scope, order, after?.id ?? '', limit).map(toRecord)
    },
    async search(collection, scope, options) {
      assertOpen()
      return await search(collection, scope, options)
    },
    async scopes(collection, { after = '', limit }) {
      assertOpen()
      const scopes: string[] = []
      for (let last = after; scopes.length < limit; ) {
        const row = nextScope.get(collection, last)
        if (!row) break
        last = row['scope'] as string
        scopes.push(last)
      }
      return scopes
    },
    async check() {
      assertOpen()
      db.exec('SELECT 1')
    },
    async close() {
      if (closed) return
      flush()
      closed = true
      db.close()
    },
  }
}

function scrollStatement(db: DatabaseSync, operator: '<' | '>', direction: 'ASC' | 'DESC'): StatementSync {
  return db.prepare(
    `SELECT id, position, payload, dense, sparse FROM records
     WHERE collection = ? AND scope = ? AND (position, id) ${operator} (?, ?)
     ORDER BY position ${direction}, id ${direction} LIMIT ?`,
  )
}

function apply(write: Write, put: StatementSync, remove: StatementSync): void {
  const { collection, scope } = write
  if ('remove' in write) {
    remove.run(collection, scope, write.remove)
    return
  }
  const { id, order, payload, dense, sparse } = write.put
  put.run(
    collection,
    scope,
    id,
    order,
    JSON.stringify(payload),
    dense ? denseToBytes(dense) : null,
    sparse ? sparseToBytes(sparse) : null,
  )
}

function toRecord({ id, position, payload, dense, sparse }: Record<string, SQLOutputValue>): StoredRecord {
  return {
    id: id as string,
    order: position as number,
    payload: JSON.parse(payload as string) as JsonObject,
    dense: dense instanceof Uint8Array ? denseFromBytes(dense) : undefined,
    sparse: sparse instanceof Uint8Array ? sparseFromBytes(sparse) : undefined,
  }
}

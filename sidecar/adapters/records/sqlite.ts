import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { AppError } from '../../errors.ts'
import type { JsonObject, RecordStore, StoredRecord, Write } from '../../ports/records.ts'
import { openFile } from './sqlite-file.ts'
import { createSearch } from './sqlite-search.ts'
import { createFileSync, type SyncFile } from './sqlite-sync.ts'
import { denseFromBytes, denseToBytes, sparseFromBytes, sparseToBytes } from './vector-bytes.ts'

/**
 * One SQLite file, owned by one process (an exclusive lock, freed by the system when the process dies).
 *
 * A commit is on disk before it is acknowledged: written to the write-ahead log at once, and acknowledged when the log
 * has been synced, in another thread, so that reads and other writes go on meanwhile. That is what SQLite's
 * `synchronous=FULL` does while it keeps the thread. Commits that arrive in the same turn of the event loop share one
 * transaction, and those that arrive during a sync share the next one.
 *
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 * @param syncFile stands in for the disk in tests
 * @param maxPages most pages of 4 KiB that the file may have, if it has no more already
 * @throws {Error} in words for the operator when the file is in use, newer than this program, or not a database
 */
export function openSqliteRecords(path: string, syncFile?: SyncFile, maxPages?: number): RecordStore {
  const db = openFile(path)
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const log = path === ':memory:' ? undefined : createFileSync(`${path}-wal`, syncFile)
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
  let syncing = 0
  /** Why the disk did not confirm a write. What it has of that and of later ones cannot be known any more. */
  let lost: unknown
  let closed = false
  let onSynced: (() => void) | undefined

  function flush(): void {
    const group = waiting
    waiting = []
    if (group.length === 0) return
    try {
      if (lost !== undefined) throw new Error('the disk did not confirm an earlier write', { cause: lost })
      db.exec('BEGIN IMMEDIATE')
      for (const { writes } of group) for (const write of writes) apply(write, put, remove)
      db.exec('COMMIT')
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK')
      const error = notStored(cause)
      for (const { reject } of group) reject(error)
      return
    }
    void acknowledge(group)
  }

  async function acknowledge(group: readonly Waiting[]): Promise<void> {
    syncing += 1
    try {
      await log?.synced()
      for (const { resolve } of group) resolve()
    } catch (cause) {
      lost = cause
      const message = `The disk did not confirm a write (${(cause as Error).message}); nothing is written before a restart.`
      for (const { reject } of group) reject(new AppError('backend_unavailable', message, { cause }))
    } finally {
      syncing -= 1
      if (syncing === 0) onSynced?.()
    }
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
      if (syncing > 0) {
        await new Promise<void>((resolve) => {
          onSynced = resolve
        })
      }
      log?.close()
      db.close()
    },
  }
}

/** SQLite's own number for a file that cannot grow. */
const FULL = 13

function notStored(cause: unknown): AppError {
  const isFull = (cause as { errcode?: unknown }).errcode === FULL
  const why = isFull ? `: there is no room on the disk of DATA_DIR (${(cause as Error).message})` : ''
  return new AppError('backend_unavailable', `The record store could not write; nothing was stored${why}.`, {
    cause,
  })
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

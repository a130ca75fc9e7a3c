import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { AppError } from '../../errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import { isOfSqlite, openFile } from './sqlite-file.ts'
import { createRowWriter, toRecord } from './sqlite-rows.ts'
import { VERSIONS } from './sqlite-schema.ts'
import { createSearch } from './sqlite-search.ts'
import type { SyncFile } from './sqlite-sync.ts'
import { createWriter } from './sqlite-writer.ts'

export interface SqliteRecordsOptions {
  /** Stands in for the disk in tests. */
  syncFile?: SyncFile
  /** Most pages of 4 KiB that the file may have, if it has no more already. */
  maxPages?: number
  /** Rows that are written between two checkpoints. */
  checkpointRows?: number
  /** Pages of 4 KiB after which the log begins anew. */
  logPages?: number
}

/**
 * One SQLite file, owned by one process (an exclusive lock, freed by the system when the process dies). A commit is on
 * disk before it is acknowledged.
 *
 * @param path file to open, created with its folder when missing; `:memory:` for tests
 * @throws {Error} in words for the operator when the file is in use, newer than this program, or not a database
 */
export function openSqliteRecords(
  path: string,
  { syncFile, maxPages, checkpointRows, logPages }: SqliteRecordsOptions = {},
): RecordStore {
  const file = openFile(path, VERSIONS)
  const { db } = file
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const { write } = createRowWriter(db)
  const writer = createWriter(file, { path, write, syncFile, checkpointRows, logPages })
  const get = db.prepare(
    'SELECT id, position, payload, dense, sparse FROM records WHERE scope = ? AND collection = ? AND id = ?',
  )
  const scopes = db.prepare(
    'SELECT scope FROM scopes WHERE collection = ? AND scope > ? ORDER BY scope LIMIT ?',
  )
  const ascending = scrollStatement(db, '>', 'ASC')
  const descending = scrollStatement(db, '<', 'DESC')
  const search = createSearch({ db, assertOpen })
  let closing: Promise<void> | undefined

  function assertOpen(): void {
    if (closing !== undefined) throw new AppError('backend_unavailable', 'The record store is closed.')
  }

  function reading<T>(read: () => T): T {
    assertOpen()
    try {
      return read()
    } catch (cause) {
      throw notRead(cause)
    }
  }

  return {
    kind: 'sqlite',
    async commit(writes, { isLazy = false } = {}) {
      assertOpen()
      await writer.commit(writes, isLazy)
    },
    async get(collection, scope, id) {
      return reading(() => {
        const row = get.get(scope, collection, id)
        return row && toRecord(row)
      })
    },
    async scroll(collection, scope, { limit, after, direction = 'ascending' }) {
      const statement = direction === 'ascending' ? ascending : descending
      const order = after?.order ?? (direction === 'ascending' ? -1 : Number.POSITIVE_INFINITY)
      return reading(() => statement.all(scope, collection, order, after?.id ?? '', limit).map(toRecord))
    },
    async search(collection, scope, options) {
      try {
        return await search(collection, scope, options)
      } catch (cause) {
        throw notRead(cause)
      }
    },
    async scopes(collection, { after = '', limit }) {
      return reading(() => scopes.all(collection, after, limit).map((row) => row['scope'] as string))
    },
    async check() {
      assertOpen()
      writer.assertWhole()
      db.exec('SELECT 1')
    },
    close() {
      closing ??= writer.close()
      return closing
    },
  }
}

/** In words that a caller may be told: those of SQLite name the file. */
function notRead(cause: unknown): unknown {
  if (cause instanceof AppError || !isOfSqlite(cause)) return cause
  return new AppError('backend_unavailable', 'The record store could not be read.', { cause })
}

function scrollStatement(db: DatabaseSync, operator: '<' | '>', direction: 'ASC' | 'DESC'): StatementSync {
  return db.prepare(
    `SELECT id, position, payload, dense, sparse FROM records
     WHERE scope = ? AND collection = ? AND (position, id) ${operator} (?, ?)
     ORDER BY position ${direction}, id ${direction} LIMIT ?`,
  )
}

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { AppError } from '../../errors.ts'
import type { JsonObject, RecordStore, StoredRecord, Write } from '../../ports/records.ts'

/** Bumped with each change of the table; a newer file than we know is refused instead of misread. */
const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE records (
    collection TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    payload TEXT NOT NULL,
    dense BLOB,
    PRIMARY KEY (collection, scope, id)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX records_in_order ON records (collection, scope, position, id);
`

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
  const db = open(path)
  const put = db.prepare(
    `INSERT INTO records (collection, scope, id, position, payload, dense) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET position = excluded.position, payload = excluded.payload, dense = excluded.dense`,
  )
  const remove = db.prepare('DELETE FROM records WHERE collection = ? AND scope = ? AND id = ?')
  const get = db.prepare(
    'SELECT id, position, payload, dense FROM records WHERE collection = ? AND scope = ? AND id = ?',
  )
  // The next scope by the primary key, one step each: reading all ids to tell scopes apart would not scale.
  const nextScope = db.prepare(
    'SELECT scope FROM records WHERE collection = ? AND scope > ? ORDER BY scope LIMIT 1',
  )
  const ascending = scrollStatement(db, '>', 'ASC')
  const descending = scrollStatement(db, '<', 'DESC')

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

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    db = new DatabaseSync(path)
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `it was written by a newer version (schema ${version}, this one reads ${SCHEMA_VERSION})`,
      )
    }
    // In one transaction: a process that dies here leaves an empty file, not half a schema.
    if (version === 0) db.exec(`BEGIN EXCLUSIVE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`)
    return db
  } catch (cause) {
    db?.close()
    const locked = cause instanceof Error && /database is locked/.test(cause.message)
    const reason = locked
      ? 'another process is using it (one sidecar owns the file; stop the other, or give this one its own DATA_DIR)'
      : cause instanceof Error
        ? cause.message
        : String(cause)
    throw new Error(`DATA_DIR: cannot open ${path}: ${reason}`, { cause })
  }
}

function scrollStatement(db: DatabaseSync, operator: '<' | '>', direction: 'ASC' | 'DESC'): StatementSync {
  return db.prepare(
    `SELECT id, position, payload, dense FROM records
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
  const { id, order, payload, dense } = write.put
  const bytes = dense ? new Uint8Array(dense.buffer, dense.byteOffset, dense.byteLength) : null
  put.run(collection, scope, id, order, JSON.stringify(payload), bytes)
}

function toRecord(row: Record<string, SQLOutputValue>): StoredRecord {
  const dense = row['dense']
  return {
    id: row['id'] as string,
    order: row['position'] as number,
    payload: JSON.parse(row['payload'] as string) as JsonObject,
    // A copy: a Float32Array needs its bytes aligned to four, which a blob's buffer does not promise.
    dense: dense instanceof Uint8Array ? new Float32Array(dense.slice().buffer) : undefined,
  }
}

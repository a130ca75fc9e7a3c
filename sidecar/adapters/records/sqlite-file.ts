import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** From an empty file on, what each version adds; a newer file than we know is refused instead of misread. */
const VERSIONS = [
  `CREATE TABLE records (
    collection TEXT NOT NULL,
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    payload TEXT NOT NULL,
    dense BLOB,
    PRIMARY KEY (collection, scope, id)
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX records_in_order ON records (collection, scope, position, id);`,
  'ALTER TABLE records ADD COLUMN sparse BLOB;',
  // What is written together is of one scope: with the scope first it stands together in each index, and rows that are
  // as large as those with vectors stand outside of them. A write touches a third of the pages that it did.
  `CREATE TABLE kept (
    scope TEXT NOT NULL,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    payload TEXT NOT NULL,
    dense BLOB,
    sparse BLOB
  ) STRICT;
  INSERT INTO kept SELECT scope, collection, id, position, payload, dense, sparse FROM records ORDER BY scope;
  DROP TABLE records;
  ALTER TABLE kept RENAME TO records;
  CREATE UNIQUE INDEX records_by_id ON records (scope, collection, id);
  CREATE INDEX records_in_order ON records (scope, collection, position, id);
  CREATE TABLE scopes (
    collection TEXT NOT NULL,
    scope TEXT NOT NULL,
    PRIMARY KEY (collection, scope)
  ) WITHOUT ROWID, STRICT;
  INSERT INTO scopes SELECT DISTINCT collection, scope FROM records;`,
] as const

/**
 * Pages held in memory, KiB. With the 2000 that SQLite takes by itself, scopes that are written to in turn push each
 * other out, and a page of the log is read for most of what a write looks at.
 */
const PAGE_CACHE_KIB = 65_536

export interface OpenFile {
  /** For all reads and writes. */
  db: DatabaseSync
  /** Another connection of this process, to hold the log as it is; `undefined` for a database in memory. */
  holder: DatabaseSync | undefined
  close(): void
}

/**
 * Opens the file, made and brought up to date where need be, for this process alone. A commit is written to the log,
 * and it is the caller's to sync that and to copy it into the database.
 *
 * Two connections cannot share a file that one of them has to itself, so that the lock is on another file beside it. The
 * system frees it when the process dies.
 * @param path with its folder made when missing; `:memory:` for tests
 * @throws {Error} in words for the operator when the file is in use, newer than this program, or not a database
 */
export function openFile(path: string): OpenFile {
  const opened: DatabaseSync[] = []
  const open = (file: string, pragmas: string) => {
    const one = new DatabaseSync(file)
    opened.push(one)
    one.exec(pragmas)
    return one
  }
  // The lock last.
  const close = () => {
    for (const one of opened.splice(0).reverse()) one.close()
  }
  const isOnDisk = path !== ':memory:'
  try {
    if (isOnDisk) {
      mkdirSync(dirname(path), { recursive: true })
      open(`${path}-lock`, 'PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    }
    const db = open(path, PRAGMAS)
    upgrade(db)
    return { db, holder: isOnDisk ? open(path, PRAGMAS) : undefined, close }
  } catch (cause) {
    close()
    const locked = cause instanceof Error && /database is locked/.test(cause.message)
    const reason = locked
      ? 'another process is using it (one sidecar owns the file; stop the other, or give this one its own DATA_DIR)'
      : cause instanceof Error
        ? cause.message
        : String(cause)
    throw new Error(`DATA_DIR: cannot open ${path}: ${reason}`, { cause })
  }
}

const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;
  PRAGMA cache_size = -${PAGE_CACHE_KIB}`

function upgrade(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > VERSIONS.length) {
    throw new Error(
      `it was written by a newer version (schema ${version}, this one reads ${VERSIONS.length})`,
    )
  }
  for (const [i, change] of VERSIONS.entries()) {
    // In one transaction: a process that dies here leaves the version before, not half of this one.
    if (i >= version) db.exec(`BEGIN EXCLUSIVE; ${change} PRAGMA user_version = ${i + 1}; COMMIT;`)
  }
}

import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface OpenFile {
  db: DatabaseSync
  close(): void
}

/** The default cache of 2 MB evicts the index pages of one user while another one is written. */
const PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536'

/**
 * Opens a database file for this process alone. The exclusive lock is on a second, empty file (`<path>-lock`); the
 * operating system releases it when the process dies.
 * @param path its folder is created when missing; `:memory:` for tests
 * @param setUp creates or upgrades the tables
 * @throws {Error} with a message for the operator when the file is in use, too new, or not a database
 */
export function openFile(path: string, setUp: (db: DatabaseSync) => void): OpenFile {
  const opened: DatabaseSync[] = []
  const open = (file: string, pragmas: string) => {
    const db = new DatabaseSync(file)
    opened.push(db)
    db.exec(pragmas)
    return db
  }
  const close = () => {
    for (const db of opened.splice(0).reverse()) db.close()
  }
  try {
    if (path !== ':memory:') {
      mkdirSync(dirname(path), { recursive: true })
      open(`${path}-lock`, 'PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    }
    const db = open(path, PRAGMAS)
    setUp(db)
    return { db, close }
  } catch (cause) {
    close()
    const message = cause instanceof Error ? cause.message : String(cause)
    const reason = /database is locked/.test(message)
      ? 'another process is using it (one sidecar owns the file; stop the other, or give this one its own DATA_DIR)'
      : message
    throw new Error(`DATA_DIR: cannot open ${path}: ${reason}`, { cause })
  }
}

/**
 * Opens a database file only for reading, also while a sidecar uses it.
 * @param version of the schema that the caller reads
 * @throws {Error} with a message for the operator when the file is missing, has another version, or is not a database
 */
export function openFileReadOnly(path: string, version: number): OpenFile {
  let db: DatabaseSync | undefined
  try {
    if (!existsSync(path)) throw new Error('it does not exist; a sidecar creates it')
    db = new DatabaseSync(path, { readOnly: true })
    const found = versionOf(db)
    if (found !== version) {
      throw new Error(
        `expected schema ${version}, got ${found}; start and stop the sidecar of this version once to upgrade it`,
      )
    }
    const opened = db
    return { db: opened, close: () => opened.close() }
  } catch (cause) {
    db?.close()
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`DATA_DIR: cannot read ${path}: ${message}`, { cause })
  }
}

/**
 * Brings a file to the newest schema version, each step in its own transaction.
 * @throws {Error} for a file that a newer program wrote; the file stays unchanged
 */
export function upgrade(db: DatabaseSync, versions: readonly string[]): void {
  const version = versionOf(db)
  if (version > versions.length) {
    throw new Error(
      `it was written by a newer version (schema ${version}, this one reads ${versions.length})`,
    )
  }
  for (const [i, change] of versions.entries()) {
    if (i >= version) db.exec(`BEGIN EXCLUSIVE; ${change} PRAGMA user_version = ${i + 1}; COMMIT;`)
  }
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
}

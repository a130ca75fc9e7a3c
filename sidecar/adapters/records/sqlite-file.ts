import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

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
 * @param versions from an empty file on, what each version adds; a newer file than we know is refused instead of misread
 * @throws {Error} in words for the operator when the file is in use, newer than this program, or not a database
 */
export function openFile(path: string, versions: readonly string[]): OpenFile {
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
    upgrade(db, versions)
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

function upgrade(db: DatabaseSync, versions: readonly string[]): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > versions.length) {
    throw new Error(
      `it was written by a newer version (schema ${version}, this one reads ${versions.length})`,
    )
  }
  for (const [i, change] of versions.entries()) {
    // In one transaction: a process that dies here leaves the version before, not half of this one.
    if (i >= version) db.exec(`BEGIN EXCLUSIVE; ${change} PRAGMA user_version = ${i + 1}; COMMIT;`)
  }
}

export function isOfSqlite(cause: unknown): boolean {
  return (cause as { code?: unknown }).code === 'ERR_SQLITE_ERROR'
}

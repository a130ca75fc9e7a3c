import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export interface OpenFile {
  db: DatabaseSync
  /** @throws {Error} when the path is no longer this file, so that a write would be lost */
  assertInPlace(): void
  /** Says whether the last writes succeeded. */
  noteWrite(succeeded: boolean): void
  /**
   * Writes without a change: a page, or `PROBE_BYTES` after a failed write.
   * @throws {Error} when the disk has no room, or the file is not in its place
   */
  probe(): void
  close(): void
}

/** Enough for a large turn with its search entries, in the write-ahead log and in the file. */
const MIN_FREE_BYTES = 4 * 1024 * 1024
/** After a failed write, the store counts as writable when it takes this many bytes. */
const PROBE_BYTES = 1024 * 1024

/** The default cache of 2 MB evicts the index pages of one user while another one is written. */
const PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -24576'

/** Locks the file that it is run on, until the process ends or closes it. */
const LOCK = 'PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE'

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
      createFolder(dirname(path))
      open(`${path}-lock`, LOCK)
    }
    const db = open(path, PRAGMAS)
    setUp(db)
    const assertInPlace = path === ':memory:' ? () => {} : placeOf(path)
    let hasFailed = false
    const probe = () => {
      assertInPlace()
      if (path !== ':memory:') assertFreeSpace(dirname(path))
      db.exec('DROP TABLE IF EXISTS probe')
      if (hasFailed) db.exec(`CREATE TABLE probe AS SELECT zeroblob(${PROBE_BYTES})`)
      const version = db.prepare('PRAGMA user_version').get()?.['user_version']
      db.exec(`PRAGMA user_version = ${Number(version)}`)
    }
    const noteWrite = (succeeded: boolean) => {
      hasFailed = !succeeded
    }
    return { db, assertInPlace, noteWrite, probe, close }
  } catch (cause) {
    close()
    const message = cause instanceof Error ? cause.message : String(cause)
    if (cause instanceof NotAFolder) throw cause
    const reason = isLocked(cause)
      ? 'another process is using it (one sidecar owns the file; stop the other, or give this one its own DATA_DIR)'
      : message
    throw new Error(`DATA_DIR: cannot open ${path}: ${reason}`, { cause })
  }
}

/**
 * Reserves a database file for this process without opening it.
 * @throws {Error} when a sidecar owns the file
 */
export function lockFile(path: string): Disposable {
  createFolder(dirname(path))
  const lock = new DatabaseSync(`${path}-lock`)
  try {
    lock.exec(LOCK)
    return { [Symbol.dispose]: () => lock.close() }
  } catch (cause) {
    lock.close()
    if (!isLocked(cause)) throw cause
    throw new Error(`DATA_DIR: a sidecar uses ${path}; stop it first`, { cause })
  }
}

function isLocked(cause: unknown): boolean {
  return cause instanceof Error && /database is locked/.test(cause.message)
}

class NotAFolder extends Error {}

function createFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found && !found.isDirectory()) {
    throw new NotAFolder(
      `DATA_DIR: expected a folder, got a file: ${path}; give the sidecar a folder of its own`,
    )
  }
  mkdirSync(path, { recursive: true })
}

/** Needed because SQLite continues to write to a file that was deleted or replaced. */
function placeOf(path: string): () => void {
  const opened = statSync(path)
  return () => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found?.ino === opened.ino && found.dev === opened.dev) return
    const problem = found ? 'replaced by another file' : 'deleted'
    throw new Error(`the database file in DATA_DIR was ${problem} while the sidecar ran; restart the sidecar`)
  }
}

function assertFreeSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= MIN_FREE_BYTES) return
  throw new Error(`the disk of DATA_DIR has ${bavail * bsize} bytes left, expected ${MIN_FREE_BYTES}`)
}

/**
 * Opens a database file only for reading, also while a sidecar uses it.
 * @param version of the schema that the caller reads
 * @param oldest version that the caller reads as well
 * @throws {Error} with a message for the operator when the file is missing, has another version, or is not a database
 */
export function openFileReadOnly(path: string, version: number, oldest = version): OpenFile {
  let db: DatabaseSync | undefined
  try {
    if (!existsSync(path)) throw new Error('it does not exist; a sidecar creates it')
    db = new DatabaseSync(path, { readOnly: true })
    const found = versionOf(db)
    if (found < oldest) {
      throw new Error(
        `expected schema ${version}, got ${found}; start and stop the sidecar of this version once to upgrade it`,
      )
    }
    assertNotNewer(found, version)
    const opened = db
    const nothing = () => {}
    return {
      db: opened,
      assertInPlace: nothing,
      noteWrite: nothing,
      probe: nothing,
      close: () => opened.close(),
    }
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
  assertNotNewer(version, versions.length)
  for (const [i, change] of versions.entries()) {
    if (i >= version) db.exec(`BEGIN EXCLUSIVE; ${change} PRAGMA user_version = ${i + 1}; COMMIT;`)
  }
}

function assertNotNewer(version: number, newest: number): void {
  if (version <= newest) return
  throw new Error(`it was written by a newer version (schema ${version}, this one reads ${newest})`)
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
}

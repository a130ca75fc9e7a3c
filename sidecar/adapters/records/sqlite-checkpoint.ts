import type { DatabaseSync } from 'node:sqlite'
import { createFileSync, type FileSync, type SyncFile } from './sqlite-sync.ts'

export interface CheckpointOptions {
  db: DatabaseSync
  /** Another connection to the same file, with nothing else to do. */
  holder: DatabaseSync
  log: FileSync
  path: string
  syncFile?: SyncFile | undefined
}

/** Copies the log into the database, in two steps. Both reject when the disk does not confirm it. */
export interface Checkpoint {
  /** Copies what is in the log by now. Commits go on. */
  most(): Promise<void>
  /** Copies what has come since, so that the log begins anew with the next commit. No commit happens meanwhile. */
  rest(): Promise<void>
  /** To be called after the database is closed: whoever closes a file lets go of all locks its process has on it (POSIX). */
  close(): void
}

/**
 * A checkpoint as SQLite does it (https://www.sqlite.org/wal.html#checkpointing), but that the disk is waited for in
 * another thread: the log is synced before pages are copied from it, and the database before the log begins anew, since
 * a crash of the machine must find each page in one of them. SQLite itself syncs nothing meanwhile
 * (`synchronous=OFF`), so that what keeps the event loop is the copying, some microseconds for each page.
 *
 * The log begins anew when all of it has been copied and nobody reads from it. During the first step, the long one,
 * `holder` reads.
 */
export function createCheckpoint({ db, holder, log, path, syncFile }: CheckpointOptions): Checkpoint {
  const database = createFileSync(path, syncFile)
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  const begin = holder.prepare('SELECT count(*) FROM sqlite_schema')

  async function copy(): Promise<void> {
    await log.synced()
    db.exec('PRAGMA synchronous = OFF')
    try {
      checkpoint.get()
    } catch {
      // Where there is no room, the log has everything still.
      return
    } finally {
      db.exec('PRAGMA synchronous = NORMAL')
    }
    await database.synced()
  }

  return {
    async most() {
      holder.exec('BEGIN')
      try {
        // What it reads from is as long as the log is now: nothing that comes later is copied.
        begin.get()
        await copy()
      } finally {
        holder.exec('ROLLBACK')
      }
    },
    rest: copy,
    close: () => database.close(),
  }
}

import type { DatabaseSync } from 'node:sqlite'
import { createFileSync, type FileSync, type SyncFile } from './sqlite-sync.ts'

export interface CheckpointOptions {
  db: DatabaseSync
  /** Another connection to the same file, with nothing else to do. */
  holder: DatabaseSync
  log: FileSync
  path: string
  /** Ends the transaction that is open, if any is: SQLite copies nothing while there is one. */
  endOpen: () => void
  syncFile?: SyncFile | undefined
}

/** Copies the log into the database. Both steps reject when the disk does not confirm it. */
export interface Checkpoint {
  /**
   * Copies what is in the log by now. Commits go on.
   * @returns how many pages the log has
   */
  copy(): Promise<number>
  /**
   * Copies all, so that the log begins anew with the next commit.
   * @param hold called when the rest is to be copied: from then on until this ends no commit happens
   */
  finish(hold: () => void): Promise<void>
  /** To be called after the database is closed: whoever closes a file lets go of all locks its process has on it (POSIX). */
  close(): void
}

/**
 * A checkpoint as SQLite does it (https://www.sqlite.org/wal.html#checkpointing), but that the disk is waited for in
 * another thread: the log is synced before pages are copied from it, and the database before the log begins anew, since
 * a crash of the machine must find each page in one of them. SQLite itself syncs nothing meanwhile
 * (`synchronous=OFF`), so that what keeps the event loop is the copying, some microseconds for each page.
 *
 * Pages are copied often, a few at a time, and the disk has to confirm the database only when the log is long: a page
 * that has changed many times since is one page then.
 *
 * The log begins anew with the first commit after all of it has been copied, as soon as nobody reads from it. `holder`
 * does until the disk has the database.
 */
export function createCheckpoint({
  db,
  holder,
  log,
  path,
  endOpen,
  syncFile,
}: CheckpointOptions): Checkpoint {
  const database = createFileSync(path, syncFile)
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  const begin = holder.prepare('SELECT count(*) FROM sqlite_schema')

  /** Answers how many pages the log has, and whether the database has all of them now. */
  function copyPages(): { pages: number; isAll: boolean } {
    db.exec('PRAGMA synchronous = OFF')
    try {
      const row = checkpoint.get()
      return { pages: Number(row?.['log']), isAll: row?.['log'] === row?.['checkpointed'] }
    } catch {
      // Where there is no room, the log has everything still.
      return { pages: 0, isAll: false }
    } finally {
      db.exec('PRAGMA synchronous = NORMAL')
    }
  }

  return {
    async copy() {
      holder.exec('BEGIN')
      try {
        // What it reads from is as long as the log is now: nothing that comes later is copied.
        begin.get()
        await log.synced()
        endOpen()
        const { pages, isAll } = copyPages()
        // The next commit would begin the log anew.
        if (isAll) await database.synced()
        return pages
      } finally {
        holder.exec('ROLLBACK')
      }
    },
    async finish(hold) {
      // The long one first, while commits go on.
      await database.synced()
      hold()
      endOpen()
      await log.synced()
      copyPages()
      await database.synced()
    },
    close: () => database.close(),
  }
}

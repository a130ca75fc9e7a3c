import type { DatabaseSync } from 'node:sqlite'
import { AppError } from '../../errors.ts'
import type { Write } from '../../ports/records.ts'
import { createRowWriter } from './sqlite-rows.ts'
import { createFileSync, type SyncFile } from './sqlite-sync.ts'

/**
 * Rows written between two checkpoints. Each is some pages of the log, so that this keeps it to some megabytes; what
 * one checkpoint copies, some hundred pages, takes the event loop a few milliseconds.
 */
const ROWS_BETWEEN_CHECKPOINTS = 1000

export interface Writer {
  /** Resolves when the writes are on disk, all of them or none. */
  commit(writes: readonly Write[]): Promise<void>
  /** Closes the database as well, when everything has been written. */
  close(): Promise<void>
}

interface Waiting {
  writes: readonly Write[]
  resolve: () => void
  reject: (reason: unknown) => void
}

/**
 * Writes in groups. Commits that arrive in the same turn of the event loop share one transaction, and those that arrive
 * during a sync share the next one.
 *
 * The disk is waited for in another thread, so that reads and requests go on meanwhile: SQLite does not sync a commit
 * (`synchronous=NORMAL`), and a commit is acknowledged when the log has been synced here. Nor does it sync a checkpoint
 * (`wal_autocheckpoint=0`, and `synchronous=OFF` for its duration): the log is synced before it, the database after it,
 * and no commit happens in between, since the first one after a checkpoint begins the log anew. In this order a crash
 * of the machine finds each page in the log, in the database, or in both (https://www.sqlite.org/wal.html#performance_considerations).
 *
 * @param path of the database; `:memory:` has no disk
 */
export function createWriter(db: DatabaseSync, path: string, syncFile?: SyncFile): Writer {
  const rows = createRowWriter(db)
  const disk = path === ':memory:' ? undefined : openDisk(path, syncFile)
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  let waiting: Waiting[] = []
  let written = 0
  let syncing = 0
  let checkpointing: Promise<void> | undefined
  /** Why the disk did not confirm a write. What it has of that and of later ones cannot be known any more. */
  let lost: unknown
  let onSynced: (() => void) | undefined

  function flush(): void {
    // Its end begins the next flush.
    if (checkpointing !== undefined) return
    const group = waiting
    waiting = []
    if (group.length === 0) return
    try {
      if (lost !== undefined) throw new Error('the disk did not confirm an earlier write', { cause: lost })
      db.exec('BEGIN IMMEDIATE')
      written += rows.write(group.flatMap(({ writes }) => writes))
      db.exec('COMMIT')
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK')
      const error = notStored(cause)
      for (const { reject } of group) reject(error)
      return
    }
    void acknowledge(group)
    if (disk && written >= ROWS_BETWEEN_CHECKPOINTS) {
      written = 0
      checkpointing = copyLog(disk).finally(() => {
        checkpointing = undefined
        flush()
      })
    }
  }

  async function acknowledge(group: readonly Waiting[]): Promise<void> {
    syncing += 1
    try {
      await disk?.log.synced()
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

  /** Never rejects. */
  async function copyLog({ log, database }: Disk): Promise<void> {
    try {
      await log.synced()
      if (!copyPages()) return
      await database.synced()
    } catch (cause) {
      lost = cause
    }
  }

  /** False where there is no room for it: the log has everything still. */
  function copyPages(): boolean {
    db.exec('PRAGMA synchronous = OFF')
    try {
      checkpoint.get()
      return true
    } catch {
      return false
    } finally {
      db.exec('PRAGMA synchronous = NORMAL')
    }
  }

  return {
    async commit(writes) {
      await new Promise<void>((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ writes, resolve, reject })
      })
    },
    async close() {
      await checkpointing
      flush()
      await checkpointing
      if (syncing > 0) {
        await new Promise<void>((resolve) => {
          onSynced = resolve
        })
      }
      db.close()
      disk?.log.close()
      disk?.database.close()
    },
  }
}

type Disk = ReturnType<typeof openDisk>

/** To be closed after the database: whoever closes a file lets go of all locks that its process has on it (POSIX). */
function openDisk(path: string, syncFile: SyncFile | undefined) {
  return { log: createFileSync(`${path}-wal`, syncFile), database: createFileSync(path, syncFile) }
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

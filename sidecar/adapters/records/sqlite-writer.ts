import { AppError } from '../../errors.ts'
import type { Write } from '../../ports/records.ts'
import { type Checkpoint, createCheckpoint } from './sqlite-checkpoint.ts'
import type { OpenFile } from './sqlite-file.ts'
import { createRowWriter } from './sqlite-rows.ts'
import { createFileSync, type SyncFile } from './sqlite-sync.ts'

/** Each is a page or two of the log, so that this keeps it to some megabytes. */
const CHECKPOINT_ROWS = 2000

export interface WriterOptions {
  /** Of the database; `:memory:` has no disk. */
  path: string
  syncFile?: SyncFile | undefined
  /** Rows that are written between two checkpoints. */
  checkpointRows?: number | undefined
}

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
 * (`synchronous=NORMAL`), and a commit is acknowledged when the log has been synced here.
 */
export function createWriter(
  { db, holder, close }: OpenFile,
  { path, syncFile, checkpointRows = CHECKPOINT_ROWS }: WriterOptions,
): Writer {
  const rows = createRowWriter(db)
  const log = holder && createFileSync(`${path}-wal`, syncFile)
  const checkpoint = log && createCheckpoint({ db, holder, log, path, syncFile })
  let waiting: Waiting[] = []
  let written = 0
  let syncing = 0
  let checkpointing: Promise<void> | undefined
  let isHeld = false
  /** Why the disk did not confirm a write. What it has of that and of later ones cannot be known any more. */
  let lost: unknown
  let onSynced: (() => void) | undefined

  function flush(): void {
    // The end of a checkpoint begins the next flush.
    if (isHeld) return
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
    if (checkpoint && checkpointing === undefined && written >= checkpointRows) {
      written = 0
      checkpointing = copyLog(checkpoint)
    }
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

  /** Never rejects. */
  async function copyLog(copy: Checkpoint): Promise<void> {
    try {
      await copy.most()
      isHeld = true
      await copy.rest()
    } catch (cause) {
      lost = cause
    } finally {
      isHeld = false
      checkpointing = undefined
      flush()
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
      close()
      log?.close()
      checkpoint?.close()
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

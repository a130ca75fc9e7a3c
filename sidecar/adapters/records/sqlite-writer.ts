import { AppError } from '../../errors.ts'
import { type Checkpoint, createCheckpoint } from './sqlite-checkpoint.ts'
import { isOfSqlite, type OpenFile } from './sqlite-file.ts'
import { createFileSync, type SyncFile } from './sqlite-sync.ts'

/** Each is a page or two of the log: what is copied at once keeps the event loop for some milliseconds. */
const CHECKPOINT_ROWS = 500

/** 64 MiB: read again at a start after a crash, in a fraction of a second. */
const LOG_PAGES = 16_000

/** How long lazy rows stay in a transaction that is open, milliseconds, and how many at the most. */
const LAZY_MS = 250
const LAZY_ROWS = 10_000

export interface WriterOptions<Row> {
  /** Of the database; `:memory:` has no disk. */
  path: string
  /** Writes rows, within a transaction; answers how many pages of the log that takes, roughly. */
  write: (rows: readonly Row[]) => number
  /**
   * Whether commits that arrive in the same turn of the event loop share a transaction. Without, a row has to be one
   * statement. @default true
   */
  inGroups?: boolean | undefined
  syncFile?: SyncFile | undefined
  /** Rows that are written between two checkpoints. */
  checkpointRows?: number | undefined
  /** Pages of 4 KiB after which the log begins anew. */
  logPages?: number | undefined
}

export interface Writer<Row> {
  /**
   * Resolves when the rows are on disk, all of them or none.
   * @param isLazy resolves when they can be read; they are on disk with the next commit that is not
   */
  commit(rows: readonly Row[], isLazy?: boolean): Promise<void>
  /** @throws {Error} when nothing is written any more before a restart */
  assertWhole(): void
  /** Closes the database as well, when everything has been written. */
  close(): Promise<void>
}

interface Waiting<Row> {
  rows: readonly Row[]
  isLazy: boolean
  resolve: () => void
  reject: (reason: unknown) => void
}

/**
 * Writes to a file, in groups: commits that arrive in the same turn of the event loop share one transaction. Lazy ones
 * are written one per turn of the event loop.
 *
 * The disk is waited for in another thread, so that reads and requests go on meanwhile: SQLite does not sync a commit
 * (`synchronous=NORMAL`), and a commit is acknowledged when the log has been synced here.
 *
 * Lazy commits stay in a transaction that is open, and are read from there. A page that several of them change is
 * written once: rows that belong together by their users are scattered by the order in which they come.
 */
export function createWriter<Row>(
  { db, holder, close }: OpenFile,
  {
    path,
    write,
    inGroups = true,
    syncFile,
    checkpointRows = CHECKPOINT_ROWS,
    logPages = LOG_PAGES,
  }: WriterOptions<Row>,
): Writer<Row> {
  const log = holder && createFileSync(`${path}-wal`, syncFile)
  const checkpoint = log && createCheckpoint({ db, holder, log, path, syncFile, endOpen: endLazy })
  const waiting: Waiting<Row>[] = []
  let isGrouping = false
  let isPutting = false
  let written = 0
  let syncing = 0
  let checkpointing: Promise<void> | undefined
  let isHeld = false
  /** Lazy rows of the transaction that is open, of which their callers know already. */
  let lazyRows = 0
  let lazyTimer: NodeJS.Timeout | undefined
  /** Why the disk did not confirm a write. What it has of that and of later ones cannot be known any more. */
  let lost: unknown
  /** Of all syncs so far: a log of which an earlier part is missing ends there, whatever the disk has of later ones. */
  let confirmed: Promise<unknown> = Promise.resolve()
  let onSynced: (() => void) | undefined

  function flushSoon(): void {
    if (!inGroups) {
      flush()
      return
    }
    if (isGrouping) return
    isGrouping = true
    setImmediate(() => {
      isGrouping = false
      flush()
    })
  }

  /** One after the other, so that none keeps the event loop for all. */
  async function flushInSlices(): Promise<void> {
    if (isPutting) return
    isPutting = true
    do {
      await new Promise((resolve) => setImmediate(resolve))
      flush(1)
    } while (waiting.length > 0 && !isHeld)
    isPutting = false
  }

  function flush(count = waiting.length): void {
    // The end of a checkpoint begins the next flush.
    if (isHeld) return
    const group = waiting.splice(0, count)
    if (group.length === 0) return
    const durable = group.filter(({ isLazy }) => !isLazy)
    const rows = group.flatMap((one) => one.rows)
    try {
      assertWhole()
      put(rows)
      if (durable.length > 0) end()
    } catch (cause) {
      const error = notStored(cause)
      for (const { reject } of group) reject(error)
      return
    }
    for (const { isLazy, resolve } of group) if (isLazy) resolve()
    if (durable.length > 0) void acknowledge(durable)
    else {
      lazyRows += rows.length
      lazyTimer ??= setTimeout(endLazy, LAZY_MS)
      if (lazyRows >= LAZY_ROWS) endLazy()
    }
    if (checkpoint && checkpointing === undefined && written >= checkpointRows) {
      written = 0
      checkpointing = copyLog(checkpoint)
    }
  }

  function assertWhole(): void {
    if (lost === undefined) return
    const message = `an earlier write was lost (${(lost as Error).message}); nothing is written before a restart`
    throw new Error(message, { cause: lost })
  }

  /** All rows or none, in the transaction that is open or in a new one. */
  function put(rows: readonly Row[]): void {
    const isFirst = !db.isTransaction
    if (isFirst && !inGroups && rows.length === 1) {
      // A statement is a transaction by itself.
      written += write(rows)
      return
    }
    db.exec(isFirst ? 'BEGIN IMMEDIATE' : 'SAVEPOINT one')
    try {
      written += write(rows)
      if (!isFirst) db.exec('RELEASE one')
    } catch (cause) {
      // Where SQLite has not taken back the whole transaction by itself.
      if (db.isTransaction) db.exec(isFirst ? 'ROLLBACK' : 'ROLLBACK TO one; RELEASE one')
      else forgotten(cause)
      throw cause
    }
  }

  /** Ends the transaction that is open, if any is. */
  function end(): void {
    if (!db.isTransaction) return
    try {
      db.exec('COMMIT')
    } catch (cause) {
      if (db.isTransaction) db.exec('ROLLBACK')
      forgotten(cause)
      throw cause
    }
    lazyRows = 0
    clearTimeout(lazyTimer)
    lazyTimer = undefined
  }

  /** Of rows whose callers went on, others depend by now, here and in memory. */
  function forgotten(cause: unknown): void {
    if (lazyRows > 0) lost = cause
  }

  function endLazy(): void {
    try {
      end()
    } catch {
      // Whoever writes next is told.
    }
  }

  async function acknowledge(group: readonly Waiting<Row>[]): Promise<void> {
    syncing += 1
    try {
      confirmed = Promise.all([log?.synced(), confirmed])
      await confirmed
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
  async function copyLog(one: Checkpoint): Promise<void> {
    try {
      if ((await one.copy()) < logPages) return
      await one.finish(() => {
        isHeld = true
      })
    } catch (cause) {
      lost = cause
    } finally {
      isHeld = false
      checkpointing = undefined
      flush()
    }
  }

  return {
    async commit(rows, isLazy = false) {
      await new Promise<void>((resolve, reject) => {
        waiting.push({ rows, isLazy, resolve, reject })
        if (isLazy) void flushInSlices()
        else flushSoon()
      })
    },
    assertWhole,
    async close() {
      await checkpointing
      flush()
      await checkpointing
      endLazy()
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
  const { message } = cause as Error
  const said = isOfSqlite(cause) ? '' : `: ${message}`
  const why = isFull ? `: there is no room on the disk of DATA_DIR (${message})` : said
  return new AppError('backend_unavailable', `The record store could not write; nothing was stored${why}.`, {
    cause,
  })
}

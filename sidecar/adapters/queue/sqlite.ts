import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Queue, QueueUnavailable, type Run } from '../../ports/queue.ts'
import { ActiveRuns, DRAIN_MS } from './active-runs.ts'
import { retryDelayMs } from './retry-delay.ts'

export interface SqliteQueueOptions {
  /** File to open, created with its folder when missing; `:memory:` for tests. */
  path: string
  /** ActiveRuns at once. */
  concurrency: number
  /** How long `close` waits for runs, milliseconds. */
  drainMs?: number | undefined
  /** Milliseconds before a run that rejected is tried again, by how often it has in a row. */
  pauseMs?: ((failures: number) => number) | undefined
  /** Epoch milliseconds. */
  now?: (() => number) | undefined
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'> | undefined
}

/** Timers longer than this are set again when they fire; those of Node end at 24.8 days. */
const LONGEST_TIMER_MS = 3_600_000

/**
 * Keys are bytes, so that they come back as they went in. A row stays until its run has ended well: what a process
 * leaves when it dies is due in the next one. One process owns the file.
 */
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS wishes (key BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS wishes_in_order ON wishes (at);
`

/**
 * Wake-ups of one process, in a file and with one timer. A wish survives the death of the process; of the machine it
 * may not, which is within what a queue may lose.
 * @throws {Error} in words for the operator when the file is in use or not a database
 */
export function openSqliteQueue(options: SqliteQueueOptions): Queue {
  const { path, concurrency, drainMs = DRAIN_MS, pauseMs = retryDelayMs } = options
  const { now = Date.now, timers = globalThis } = options
  const db = open(path)
  const put = db.prepare(
    `INSERT INTO wishes (key, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at < at`,
  )
  const postpone = db.prepare('UPDATE wishes SET at = ? WHERE key = ?')
  const remove = db.prepare('DELETE FROM wishes WHERE key = ?')
  const inOrder = db.prepare('SELECT key, at FROM wishes ORDER BY at LIMIT ?')
  const runs = new ActiveRuns()
  /** The earliest wish that came during the run of a key. */
  const again = new Map<string, number>()
  const failures = new Map<string, number>()
  /** Until when a key is not run whose outcome could not be written. */
  const heldBack = new Map<string, number>()
  let run: Run | undefined
  let timer: NodeJS.Timeout | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let closed = false

  /** What has no run, soonest first; not more than can be begun. */
  function next(): { key: string; at: number }[] {
    return inOrder
      .all(2 * concurrency)
      .map((row) => ({ key: toKey(row['key'] as Uint8Array), at: row['at'] as number }))
      .filter(({ key }) => !runs.has(key))
      .map(({ key, at }) => ({ key, at: Math.max(at, heldBack.get(key) ?? at) }))
      .sort((a, b) => a.at - b.at)
  }

  /** Begins what is due, and sets the one timer to what will be. The end of a run does this too. */
  function look(): void {
    let soonest = Number.POSITIVE_INFINITY
    for (const { key, at } of closed || !run ? [] : next()) {
      if (!run || runs.size >= concurrency) break
      soonest = at
      if (at > now()) break
      soonest = Number.POSITIVE_INFINITY
      void runs.run(key, begin(key, run)).then(look)
    }
    waitUntil(soonest)
  }

  function waitUntil(at: number): void {
    timers.clearTimeout(timer)
    timer = undefined
    timerAt = at
    if (at === Number.POSITIVE_INFINITY) return
    // A timer also for what is due: whoever wishes is answered first.
    timer = timers.setTimeout(look, Math.min(LONGEST_TIMER_MS, Math.max(0, at - now())))
    timer.unref?.()
  }

  /** What comes of the run is written before it counts as ended: no second one begins in between. */
  function begin(key: string, work: Run) {
    again.delete(key)
    return async (signal: AbortSignal): Promise<void> => {
      let wants: number | null
      try {
        wants = await work(key, signal)
        failures.delete(key)
      } catch {
        // Given up: it is due in the next process.
        if (closed) return
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        wants = now() + pauseMs(count)
      }
      if (!db.isOpen) return
      heldBack.delete(key)
      const at = Math.min(wants ?? Number.POSITIVE_INFINITY, again.get(key) ?? Number.POSITIVE_INFINITY)
      try {
        if (at === Number.POSITIVE_INFINITY) remove.run(toBytes(key))
        else postpone.run(Math.ceil(at), toBytes(key))
      } catch {
        // On a disk that is full it stays due, and is not run without end.
        heldBack.set(key, now() + pauseMs(1))
      }
    }
  }

  function assertOpen(): void {
    if (closed) throw new QueueUnavailable('The queue is closed.')
  }

  return {
    kind: 'sqlite',
    async schedule(key, at) {
      assertOpen()
      const bytes = toBytes(key)
      if (runs.has(key)) again.set(key, Math.min(at, again.get(key) ?? at))
      try {
        put.run(bytes, Math.ceil(at))
      } catch (cause) {
        throw new QueueUnavailable(`queue: cannot write ${path}: ${String(cause)}`, { cause })
      }
      // Without a look at the others: it is on the way of every turn.
      if (run && runs.size < concurrency && !runs.has(key) && at < timerAt) waitUntil(at)
    },
    work(task) {
      run = task
      // What is due begins in a moment: who works may have more to do first.
      waitUntil(next()[0]?.at ?? Number.POSITIVE_INFINITY)
    },
    async check() {
      assertOpen()
      db.exec('SELECT 1')
    },
    async close() {
      if (closed) return
      closed = true
      timers.clearTimeout(timer)
      await runs.close(drainMs, timers)
      db.close()
    },
  }
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    db = new DatabaseSync(path)
    db.exec(SCHEMA)
    return db
  } catch (cause) {
    db?.close()
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`DATA_DIR: cannot open ${path}: ${reason}`, { cause })
  }
}

function toBytes(key: string): Uint8Array {
  return Buffer.from(wellFormedKey(key))
}

function toKey(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

function wellFormedKey(key: string): string {
  if (!key.isWellFormed()) {
    throw new TypeError('queue key: expected well-formed Unicode, got a lone surrogate')
  }
  return key
}

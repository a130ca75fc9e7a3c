import { type Queue, QueueUnavailable, type Run } from '../../ports/queue.ts'
import { ActiveRuns, DRAIN_MS } from '../common/active-runs.ts'
import { retryDelayMs } from '../common/retry-delay.ts'
import { type SqliteClient, sqliteClient } from './client.ts'

export interface SqliteQueueOptions {
  /** File to open, created with its folder when missing; `:memory:` for tests. */
  path: string
  /** Most runs at once. */
  concurrency: number
  /** Milliseconds that `close` waits for runs. */
  drainMs?: number | undefined
  /** Milliseconds before a failed run is retried, by the number of failures in a row. */
  pauseMs?: ((failures: number) => number) | undefined
  /** Epoch milliseconds. */
  now?: (() => number) | undefined
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'> | undefined
  client?: SqliteClient | undefined
}

/** Timers of Node end at 24.8 days; a longer wait sets the timer again. */
const MAX_TIMER_MS = 3_600_000
const NEVER = Number.POSITIVE_INFINITY

/**
 * Scheduled runs of one process. The schedule is held in memory, where runs are chosen with one timer, and in a file,
 * from which the next process takes over what this one leaves. A row stays until its run has succeeded.
 *
 * The file is opened in the worker thread: if that fails, `schedule` and `check` reject with the reason.
 */
export function openSqliteQueue(options: SqliteQueueOptions): Queue {
  const { path, concurrency, drainMs = DRAIN_MS, pauseMs = retryDelayMs } = options
  const { now = Date.now, timers = globalThis, client = sqliteClient() } = options
  const file = client.open('queue', path)
  const runs = new ActiveRuns()
  /** When each key is due, epoch milliseconds; includes running keys. */
  const due = new Map<string, number>()
  /** Earliest time that was scheduled for a key during its run. */
  const again = new Map<string, number>()
  const failures = new Map<string, number>()
  let run: Run | undefined
  let timer: NodeJS.Timeout | undefined
  let timerAt = NEVER
  let isClosed = false

  const loaded = file.call('all').then((rows) => {
    for (const { key, at } of rows as { key: string; at: number }[]) keepEarliest(due, key, at)
    dispatch()
  })
  // `check` and `schedule` report why the file could not be read.
  loaded.catch(() => {})

  /** Starts what is due, and sets the timer to the next run. */
  function dispatch(): void {
    let next = nextKey()
    for (; run && next && next.at <= now(); next = nextKey()) {
      void runs.run(next.key, start(next.key, run)).then(dispatch)
    }
    waitUntil(next?.at ?? NEVER)
  }

  /** The key that is due first among those that are not running; none while no run may start. */
  function nextKey(): { key: string; at: number } | undefined {
    if (isClosed || !run || runs.size >= concurrency) return undefined
    let first: { key: string; at: number } | undefined
    for (const [key, at] of due) if (!runs.has(key) && !(first && first.at <= at)) first = { key, at }
    return first
  }

  function waitUntil(at: number): void {
    timers.clearTimeout(timer)
    timer = undefined
    timerAt = at
    if (at === NEVER) return
    // A timer even for what is already due, so that the caller of `schedule` is answered first.
    timer = timers.setTimeout(dispatch, Math.min(MAX_TIMER_MS, Math.max(0, at - now())))
    timer.unref?.()
  }

  function start(key: string, task: Run) {
    again.delete(key)
    return async (signal: AbortSignal): Promise<void> => {
      let next: number | null
      try {
        next = await task(key, signal)
        failures.delete(key)
      } catch {
        // The run was cancelled by `close`: its row makes it due in the next process.
        if (isClosed) return
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        next = now() + pauseMs(count)
      }
      const at = Math.ceil(Math.min(next ?? NEVER, again.get(key) ?? NEVER))
      if (at === NEVER) due.delete(key)
      else due.set(key, at)
      // A write that fails leaves an old row: the next process then runs the key once more, which is allowed.
      await (due.has(key) ? file.call('set', key, at) : file.call('remove', key)).catch(() => {})
    }
  }

  function assertOpen(): void {
    if (isClosed) throw new QueueUnavailable('The queue is closed.')
  }

  return {
    kind: 'sqlite',
    async schedule(key, time) {
      assertOpen()
      if (!key.isWellFormed()) {
        throw new TypeError('queue key: expected well-formed Unicode, got a lone surrogate')
      }
      const at = Math.ceil(time)
      // In memory first: a run that ends during the write must see it.
      keepEarliest(runs.has(key) ? again : due, key, at)
      if (run && runs.size < concurrency && !runs.has(key) && at < timerAt) waitUntil(at)
      try {
        await file.call('add', key, at)
      } catch (cause) {
        throw new QueueUnavailable(`queue: cannot write ${path}: ${(cause as Error).message}`, { cause })
      }
    },
    work(task) {
      run = task
      waitUntil(nextKey()?.at ?? NEVER)
    },
    async check() {
      assertOpen()
      await file.call('check')
    },
    async close() {
      isClosed = true
      timers.clearTimeout(timer)
      await runs.close(drainMs, timers)
      await file.close()
    },
  }
}

function keepEarliest(times: Map<string, number>, key: string, at: number): void {
  times.set(key, Math.min(at, times.get(key) ?? at))
}

import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../ports/errors.ts'
import type { Hold, ScopeLock } from '../../ports/scope-lock.ts'
import { KeyedQueue } from '../common/keyed-queue.ts'
import type { RedisCacheOptions } from './cache.ts'
import { checkWritable } from './connection.ts'
import { scopeKeys } from './keys.ts'
import { createLease, type Lease, type LeaseOptions, type Left } from './lease.ts'

export interface RedisScopeLockOptions
  extends Partial<Omit<LeaseOptions, 'connection'>>,
    Pick<RedisCacheOptions, 'connection' | 'keyPrefix'> {
  /**
   * Recovers a scope whose last holder did not release the lock in good order. Runs before the next task, and may find
   * nothing to do. While it rejects, the scope cannot be written to.
   */
  takeOver?: ((scope: string, left: Exclude<Left, 'finished'>) => Promise<void>) | undefined
  /** Whether all commits to a scope are carried out. @default true */
  isFinished?: ((scope: string) => boolean) | undefined
  /** How long a task waits for the lock, milliseconds; longer than a lease, so that it outlives a dead holder. */
  waitMs?: number
}

/** Delay between two requests for a lease, milliseconds: per earlier waiter, and at most. */
const POLL_MS = { perWaiter: 15, max: 250 }

/**
 * One writer per scope among the sidecars on one Redis. The tasks of this process queue locally, so that at most one of
 * them per scope waits in Redis.
 *
 * Limit: Redis does not fence the record store. A process that is suspended within a commit for longer than its lease,
 * or whose lease Redis loses within a commit, may write beside the next holder. Before each commit both are detected.
 */
export function createRedisScopeLock(options: RedisScopeLockOptions): ScopeLock {
  const { connection, keyPrefix, takeOver = async () => {}, isFinished = () => true } = options
  const { leaseMs = 15_000, commitMs = 5000, waitMs = 20_000 } = options
  const { timers = globalThis, now = suspendAwareClock() } = options
  const queue = new KeyedQueue()
  /** Releases in flight. Later requests use the same connection and thus follow them. */
  const releases = new Set<Promise<void>>()

  function release(lease: Lease, isInOrder: boolean): void {
    const released = lease.release(isInOrder).finally(() => releases.delete(released))
    releases.add(released)
  }

  async function acquire(scope: string, deadline: AbortSignal): Promise<Lease> {
    const { lock } = scopeKeys(keyPrefix, scope)
    const lease = createLease({ connection, leaseMs, commitMs, timers, now }, lock)
    try {
      for (;;) {
        const outcome = await lease.request()
        if (outcome.isGranted) {
          if (outcome.left !== 'finished') await takeOver(scope, outcome.left)
          // The caller was already rejected, so the task must not run.
          deadline.throwIfAborted()
          return lease
        }
        deadline.throwIfAborted()
        const pause = Math.min(POLL_MS.max, POLL_MS.perWaiter * (outcome.waitersBefore + 1))
        await delay(pause * (0.5 + Math.random()))
        deadline.throwIfAborted()
      }
    } catch (error) {
      release(lease, false)
      throw toRejection(error)
    }
  }

  async function runExclusive<T>(
    scope: string,
    task: (hold: Hold) => Promise<T>,
    deadline: AbortSignal,
    onAcquired: () => void,
  ): Promise<T> {
    const lease = await acquire(scope, deadline)
    onAcquired()
    let mayHaveWritten = false
    const assertHeld = async () => {
      await lease.assertHeld()
      mayHaveWritten = true
    }
    // A commit that rejected may still be carried out.
    let isInOrder = false
    try {
      const result = await task({ assertHeld })
      isInOrder = true
      return result
    } finally {
      release(lease, (isInOrder || !mayHaveWritten) && isFinished(scope))
    }
  }

  return {
    kind: connection.kind,
    async run(scope, task) {
      const deadline = new AbortController()
      const timer = timers.setTimeout(() => deadline.abort(lockTimeout(waitMs)), waitMs)
      const stopTimer = () => timers.clearTimeout(timer)
      try {
        // The queue drops a task whose deadline passes before it starts; `acquire` observes the deadline itself.
        const run = () => runExclusive(scope, task, deadline.signal, stopTimer)
        return await queue.add(scope, run, deadline.signal)
      } finally {
        stopTimer()
      }
    },
    async drained() {
      await queue.idle()
      await Promise.all(releases)
    },
    check: () => checkWritable(connection, `${keyPrefix}{}check`),
    async close() {
      await Promise.all(releases)
      connection.close()
    },
  }
}

/** A monotonic clock that also advances while the machine is suspended, unlike `performance.now`. */
function suspendAwareClock(): () => number {
  let offset = Number.NEGATIVE_INFINITY
  return () => {
    offset = Math.max(offset, Date.now() - performance.now())
    return performance.now() + offset
  }
}

function lockTimeout(waitMs: number): AppError {
  const seconds = Math.round(waitMs / 1000)
  const message = `Could not acquire the write lock for this user within ${seconds} s; nothing was stored. Retry.`
  return new AppError('backend_unavailable', message, { retryAfterS: 2 })
}

function toRejection(error: unknown): unknown {
  if (error instanceof AppError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const message = `Could not acquire the write lock for this user; nothing was stored: ${reason}`
  return new AppError('backend_unavailable', message, { retryAfterS: 5, cause: error })
}

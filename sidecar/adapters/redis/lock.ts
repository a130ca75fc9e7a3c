import { AppError } from '../../errors.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { RedisTarget } from '../../redis-url.ts'
import { KIND, wellFormed } from './cache.ts'
import { linkRedis, type OnRedisState, type RedisLink } from './connection.ts'
import { type LeaseSettings, type Left, RedisLease } from './lease.ts'
import { scopeKeys } from './scope-block.ts'
import { Line, type Timers } from './task-queue.ts'

export interface RedisScopeLockOptions extends Partial<LeaseSettings> {
  target: RedisTarget
  /** Stands before every key; no braces. */
  keyPrefix: string
  /** How long one command may take, milliseconds. */
  timeoutMs: number
  onState?: OnRedisState | undefined
  /** A connection to the target that is shared with others; whoever of them is closed first closes it. */
  link?: RedisLink | undefined
  /**
   * Finishes what a writer left in a scope that did not give its lock back in good order. Called before the next task
   * runs, and may find nothing to do; while it rejects, nobody writes to the scope.
   */
  takeOver?: ((scope: string, left: Exclude<Left, 'finished'>) => Promise<void>) | undefined
  /** Whether all that was committed to a scope is carried out. @default always */
  isFinished?: ((scope: string) => boolean) | undefined
  /** How long a task waits for its turn, milliseconds; longer than a lease, so that it outlives a dead holder. */
  waitMs?: number
  /** How long this process keeps a scope while more of its own tasks wait, milliseconds. */
  shareMs?: number
  timers?: Timers
  /** Milliseconds that only ever grow; injected by tests. */
  now?: () => number
}

/** Pause between two questions of the first in line, and of those far behind, milliseconds. */
const ASK_MS = { first: 15, last: 250 }

/**
 * One writer per scope among sidecars on one Redis. The tasks of this process stand in a line of their own, so that
 * Redis is asked for one lease per scope at a time: once for all that wait, and once more to give it back.
 *
 * Redis has no say in what the record store is told: a process that stands still within a commit, for longer than a
 * lease lives, wakes up as a second writer. So does one whose Redis lost the lease (a failover, a restart without a
 * file) within a commit. Before a commit both are noticed.
 */
export function createRedisScopeLock(options: RedisScopeLockOptions): ScopeLock {
  const {
    target,
    keyPrefix,
    timeoutMs,
    onState,
    takeOver = async () => {},
    isFinished = () => true,
  } = options
  const { leaseMs = 15_000, commitMs = 5000, waitMs = 20_000, shareMs = 250 } = options
  const { timers = globalThis, now = monotonic(), link = linkRedis(target, timeoutMs, onState) } = options
  const lines = new Map<string, Line>()
  const serving = new Set<Promise<void>>()
  /** Locks on their way back. A later question goes over the same connection, and thus comes after. */
  const ending = new Set<Promise<void>>()

  function leaseOf(scope: string): RedisLease {
    const { lock, lockLine, lockAsking, lockMark } = scopeKeys(keyPrefix, scope)
    const keys = [lock, lockLine, lockAsking, lockMark] as const
    return new RedisLease({ link, keys, leaseMs, commitMs, timers, now })
  }

  function giveBack(lease: RedisLease, inOrder: boolean): void {
    track(ending, lease.giveBack(inOrder))
  }

  /** A lease, or nothing where nobody waits any more. */
  async function acquire(scope: string, line: Line): Promise<RedisLease | undefined> {
    const lease = leaseOf(scope)
    try {
      for (;;) {
        const answer = await lease.ask()
        if (answer.isTaken) {
          if (answer.left !== 'finished') await takeOver(scope, answer.left)
          return lease
        }
        if (line.length === 0) break
        await pause(Math.min(ASK_MS.last, ASK_MS.first * (answer.before + 1)) * (0.5 + Math.random()), timers)
        if (line.length === 0) break
      }
    } catch (error) {
      giveBack(lease, false)
      throw error
    }
    giveBack(lease, false)
    return undefined
  }

  async function serve(scope: string, line: Line): Promise<void> {
    while (line.length > 0) {
      let lease: RedisLease | undefined
      try {
        lease = await acquire(scope, line)
      } catch (error) {
        line.refuse(toRefusal(error))
        break
      }
      if (!lease) continue
      const since = now()
      let inOrder = true
      do {
        let mayHaveWritten = false
        const assertHeld = async () => {
          await lease.assertHeld()
          mayHaveWritten = true
        }
        const worked = await line.next()?.run({ assertHeld })
        // A commit that rejects may be carried out yet.
        if (worked === false && mayHaveWritten) inOrder = false
      } while (line.length > 0 && now() - since < shareMs)
      giveBack(lease, inOrder && isFinished(scope))
    }
    lines.delete(scope)
  }

  return {
    kind: KIND[target.mode],
    async run(scope, task) {
      wellFormed('scope', scope)
      const known = lines.get(scope)
      const line = known ?? new Line(waitMs, timers)
      const done = line.join(task, () => late(waitMs))
      if (!known) {
        lines.set(scope, line)
        track(serving, serve(scope, line))
      }
      return await done
    },
    async drained() {
      await Promise.all(serving)
      await Promise.all(ending)
    },
    async check() {
      await link.run((client) => client.set(`${keyPrefix}{}check`, '', 'PX', 1000))
    },
    async close() {
      await Promise.all(ending)
      link.close()
    },
  }
}

function track(held: Set<Promise<void>>, one: Promise<void>): void {
  held.add(one)
  void one.finally(() => held.delete(one))
}

function pause(ms: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    timers.setTimeout(resolve, ms)
  })
}

/** The clock that stands still with a machine that sleeps, corrected by the one that does not, and never set back. */
function monotonic(): () => number {
  let ahead = Number.NEGATIVE_INFINITY
  return () => {
    ahead = Math.max(ahead, Date.now() - performance.now())
    return performance.now() + ahead
  }
}

function late(waitMs: number): AppError {
  const waited = `Others have been writing to this user’s memories for ${Math.round(waitMs / 1000)} s`
  return new AppError('backend_unavailable', `${waited}; nothing was stored. Try again.`, { retryAfterS: 2 })
}

function toRefusal(error: unknown): unknown {
  if (error instanceof AppError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new AppError(
    'backend_unavailable',
    `Which sidecar may write could not be settled, so nothing was stored: ${reason}`,
    { retryAfterS: 5, cause: error },
  )
}

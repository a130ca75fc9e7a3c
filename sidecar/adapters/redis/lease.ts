import { randomUUID } from 'node:crypto'
import { AppError } from '../../ports/errors.ts'
import type { Hold } from '../../ports/scope-lock.ts'
import { ignoreUnavailable, type RedisConnection } from './connection.ts'
import { runScript } from './scripts.ts'

export interface LeaseOptions {
  connection: RedisConnection
  /** TTL of a lease, milliseconds. After a writer dies, its scope cannot be written to for this long. */
  leaseMs: number
  /** Remaining TTL that a commit requires, milliseconds; longer than the store allows a commit to take. */
  commitMs: number
  timers: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  /** Monotonic clock, milliseconds; also advances while the process is suspended. */
  now: () => number
}

/** How the last holder left the scope; `unknown` if there was none or Redis lost the state. */
export type Left = 'finished' | 'unfinished' | 'unknown'

export interface Lease extends Hold {
  /** Requests the lease once. If it is not granted, returns the number of earlier waiters. */
  request(): Promise<{ isGranted: true; left: Left } | { isGranted: false; waitersBefore: number }>
  /** @param isInOrder the next holder has nothing to recover */
  release(isInOrder: boolean): Promise<void>
}

const LEFT: Readonly<Record<string, Left>> = { free: 'finished', held: 'unfinished' }

/** A waiter that sends no request for this long loses its place, milliseconds. */
const WAITER_TTL_MS = 3000
/** TTL of the lock's state, milliseconds. */
const STATE_TTL_MS = 30 * 86_400_000
/** Delay before a failed renewal or release is retried, milliseconds. */
const RETRY_MS = 500

/**
 * KEYS: the lock; waiters by arrival (microseconds); waiters by last request (milliseconds); the state. ARGV: token; TTL,
 * milliseconds. Returns {1, previous state}, or {0, number of earlier waiters}.
 */
const ACQUIRE = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local silent = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ${WAITER_TTL_MS})
for _, one in ipairs(silent) do
  redis.call('ZREM', KEYS[2], one)
  redis.call('ZREM', KEYS[3], one)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not first or first == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    local state = redis.call('GET', KEYS[4])
    redis.call('SET', KEYS[4], 'held', 'PX', ${STATE_TTL_MS})
    return {1, state or ''}
  end
end
local arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
redis.call('ZADD', KEYS[2], 'NX', arrival, ARGV[1])
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[1])
redis.call('PEXPIRE', KEYS[2], ${10 * WAITER_TTL_MS})
redis.call('PEXPIRE', KEYS[3], ${10 * WAITER_TTL_MS})
return {0, redis.call('ZRANK', KEYS[2], ARGV[1])}`

/** KEYS[1]: the lock. ARGV: token; TTL, milliseconds. Returns 1 if the token still holds the lock. */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

/** Releases a lock or a place among the waiters. KEYS as for `ACQUIRE`. ARGV: token; 1 if the scope is in order. */
const RELEASE = `
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then redis.call('SET', KEYS[4], 'free', 'PX', ${STATE_TTL_MS}) end
return 1`

/** A lease on a scope in Redis, renewed until it is released. `keys` are those of `ACQUIRE`. */
export function createLease(options: LeaseOptions, keys: readonly string[]): Lease {
  const { connection, commitMs, timers, now } = options
  const leaseMs = Math.floor(options.leaseMs)
  const token = randomUUID()
  /** By `now`: end of the lease, counted from before the request that granted or renewed it. */
  let expiresAt = 0
  /** By `now`: time of the last request, which may have been granted although its reply is lost. */
  let requestedAt = Number.NEGATIVE_INFINITY
  /** Connection losses at the time of the last confirmation. */
  let interruptions = 0
  let isLost = false
  let isReleased = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const run = (script: string, arg: number) =>
    connection.run((client) => runScript(client, script, keys, [token, arg]))

  /** Runs a script that grants or renews the lease if `isHeld` says so of its reply. */
  async function extend<T>(script: string, isHeld: (reply: T) => boolean): Promise<T> {
    const [sentAt, before] = [now(), connection.interruptions]
    const reply = (await run(script, leaseMs)) as T
    if (isHeld(reply)) {
      expiresAt = Math.max(expiresAt, sentAt + leaseMs)
      interruptions = before
    }
    return reply
  }

  async function renew(): Promise<void> {
    isLost ||= (await extend<number>(RENEW, (reply) => reply === 1).catch(ignoreUnavailable)) === 0
  }

  function scheduleRenewal(ms: number): void {
    timer = timers.setTimeout(async () => {
      const before = expiresAt
      await renew()
      if (isReleased || isLost || now() > expiresAt) return
      scheduleRenewal(expiresAt > before ? leaseMs / 3 : RETRY_MS)
    }, ms)
    timer.unref?.()
  }

  const isCertain = () =>
    !isLost && interruptions === connection.interruptions && expiresAt - now() >= commitMs

  const lease: Lease = {
    async request() {
      requestedAt = now()
      const [granted, rest] = await extend<[0, number] | [1, string]>(ACQUIRE, ([held]) => held === 1)
      if (granted === 0) return { isGranted: false, waitersBefore: rest }
      scheduleRenewal(leaseMs / 3)
      return { isGranted: true, left: LEFT[rest] ?? 'unknown' }
    },
    async assertHeld() {
      if (isCertain()) return
      // The process was suspended, or Redis was unreachable: the lease may be lost.
      await renew()
      if (isCertain()) return
      const message = 'This sidecar lost the write lock for this user; nothing was stored. Retry.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 1 })
    },
    async release(isInOrder) {
      isReleased = true
      timers.clearTimeout(timer)
      try {
        await run(RELEASE, isInOrder ? 1 : 0)
      } catch (error) {
        ignoreUnavailable(error)
        // Retry until the lease, which may have been granted without a reply, has expired.
        if (now() > Math.max(requestedAt + leaseMs, expiresAt)) return
        timers.setTimeout(() => void lease.release(isInOrder), RETRY_MS).unref?.()
      }
    },
  }
  return lease
}

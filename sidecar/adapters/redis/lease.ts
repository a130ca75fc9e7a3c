import { randomUUID } from 'node:crypto'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import { AppError } from '../../ports/errors.ts'
import type { Hold } from '../../ports/scope-lock.ts'
import type { RedisConnection } from './connection.ts'
import { ACQUIRE, RELEASE, RENEW } from './lock-scripts.ts'
import { runScript, type Script } from './scripts.ts'

export type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

export interface LeaseSettings {
  /** TTL of a lease, milliseconds. After a writer dies, its scope cannot be written to for this long. */
  leaseMs: number
  /** Remaining TTL that a commit requires, milliseconds; longer than the store allows a commit to take. */
  commitMs: number
}

export interface LeaseContext extends LeaseSettings {
  connection: RedisConnection
  /** The lock, its waiters by arrival, its waiters by last request, and its state. */
  keys: readonly [string, string, string, string]
  timers: Timers
  /** Monotonic clock, milliseconds; also advances while the process is suspended. */
  now: () => number
}

/** How the last holder left the scope; `unknown` if there was none or Redis lost the state. */
export type Left = 'finished' | 'unfinished' | 'unknown'

const LEFT: Readonly<Record<string, Left>> = { free: 'finished', held: 'unfinished' }

/** A waiter that sends no request for this long loses its place, milliseconds. */
const WAITER_TTL_MS = 3000
/** TTL of the lock's state, milliseconds. */
const STATE_TTL_MS = 30 * 86_400_000
/** Delay before a failed renewal or release is retried, milliseconds. */
const RETRY_MS = 500

/** A lease on a scope in Redis: waits in line until it is granted, and is renewed until it is released. */
export class RedisLease implements Hold {
  readonly #context: LeaseContext
  readonly #token = randomUUID()
  /** By `now`: end of the lease, counted from before the request that granted or renewed it. */
  #expiresAt = 0
  /** By `now`: time of the last request, which may have been granted although its reply is lost. */
  #requestedAt = Number.NEGATIVE_INFINITY
  /** Connection losses at the time of the last confirmation. */
  #interruptions = 0
  #isLost = false
  #isReleased = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(context: LeaseContext) {
    this.#context = context
  }

  /** Requests the lease once. If it is not granted, returns the number of earlier waiters. */
  async request(): Promise<{ isGranted: true; left: Left } | { isGranted: false; waitersBefore: number }> {
    const { leaseMs, connection, now } = this.#context
    const requestedAt = now()
    this.#requestedAt = requestedAt
    const { interruptions } = connection
    const reply = await this.#run(ACQUIRE, 4, leaseMs, WAITER_TTL_MS, STATE_TTL_MS)
    const [granted, rest] = reply as [0, number] | [1, string]
    if (granted === 0) return { isGranted: false, waitersBefore: rest }
    this.#confirm(requestedAt, interruptions)
    this.#scheduleRenewal(leaseMs / 3)
    return { isGranted: true, left: LEFT[rest] ?? 'unknown' }
  }

  async assertHeld(): Promise<void> {
    const { commitMs, connection, now } = this.#context
    const isCertain = () =>
      !this.#isLost && this.#interruptions === connection.interruptions && this.#expiresAt - now() >= commitMs
    if (isCertain()) return
    // The process was suspended, or Redis was unreachable: the lease may be lost.
    await this.#renew()
    if (!isCertain()) {
      throw new AppError(
        'backend_unavailable',
        'This sidecar lost the write lock for this user; nothing was stored. Retry.',
        { retryAfterS: 1 },
      )
    }
  }

  /** @param isInOrder the next holder has nothing to recover */
  async release(isInOrder: boolean): Promise<void> {
    const { leaseMs, timers, now } = this.#context
    this.#isReleased = true
    timers.clearTimeout(this.#timer)
    try {
      await this.#run(RELEASE, 4, isInOrder ? STATE_TTL_MS : 0)
    } catch (error) {
      ignoreUnavailable(error)
      // Retry until the lease, which may have been granted without a reply, has expired.
      if (now() > Math.max(this.#requestedAt + leaseMs, this.#expiresAt)) return
      timers.setTimeout(() => void this.release(isInOrder), RETRY_MS).unref?.()
    }
  }

  async #renew(): Promise<void> {
    const { leaseMs, connection, now } = this.#context
    const requestedAt = now()
    const { interruptions } = connection
    try {
      if ((await this.#run(RENEW, 1, leaseMs)) === 1) this.#confirm(requestedAt, interruptions)
      else this.#isLost = true
    } catch (error) {
      ignoreUnavailable(error)
    }
  }

  #confirm(requestedAt: number, interruptions: number): void {
    this.#expiresAt = Math.max(this.#expiresAt, requestedAt + this.#context.leaseMs)
    this.#interruptions = interruptions
  }

  #scheduleRenewal(ms: number): void {
    const { timers, leaseMs, now } = this.#context
    this.#timer = timers.setTimeout(async () => {
      const before = this.#expiresAt
      await this.#renew()
      if (this.#isReleased || this.#isLost || now() > this.#expiresAt) return
      this.#scheduleRenewal(this.#expiresAt > before ? leaseMs / 3 : RETRY_MS)
    }, ms)
    this.#timer.unref?.()
  }

  async #run(script: Script, keyCount: number, ...args: number[]): Promise<unknown> {
    const { connection, keys } = this.#context
    const integers = args.map((arg) => Math.floor(arg))
    return await connection.run((client) =>
      runScript(client, script, keys.slice(0, keyCount), [this.#token, ...integers]),
    )
  }
}

function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof CacheUnavailable)) throw error
}

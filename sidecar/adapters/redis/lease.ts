import { randomUUID } from 'node:crypto'
import { AppError } from '../../errors.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { Hold } from '../../ports/scope-lock.ts'
import type { RedisLink } from './connection.ts'
import { ACQUIRE, GIVE_BACK, RENEW } from './lock-scripts.ts'
import { runScript, type Script } from './scope-state-scripts.ts'
import type { Timers } from './task-queue.ts'

export interface LeaseSettings {
  /** Life of a lease without renewal, milliseconds: so long a scope cannot be written to after its writer has died. */
  leaseMs: number
  /** How much of it must be left where a commit begins: longer than the store lets a commit take, milliseconds. */
  commitMs: number
}

export interface LeaseContext extends LeaseSettings {
  link: RedisLink
  /** The lock, the two keys of those who wait for it, and its mark. */
  keys: readonly [string, string, string, string]
  timers: Timers
  /** Milliseconds that only ever grow, also while the process stands still. */
  now: () => number
}

/**
 * How the last holder left a scope: in good order; in the middle of something, as when it died; or nobody knows, as
 * there was none yet, or Redis has lost it.
 */
export type Left = 'finished' | 'unfinished' | 'unknown'

const LEFT: Readonly<Record<string, Left>> = { free: 'finished', held: 'unfinished' }

/** Milliseconds for which one who waits keeps the place without asking. */
const STALE_MS = 3000
/** For how long it is known how a lock ended, milliseconds. */
const KNOWN_MS = 30 * 86_400_000
/** Between two attempts to renew or to give back, where Redis did not answer, milliseconds. */
const AGAIN_MS = 500

/** A claim on a scope in Redis: waits in line for it, and keeps it while it is held. */
export class RedisLease implements Hold {
  readonly #context: LeaseContext
  readonly #token = randomUUID()
  /** By `now`: the last moment at which it is certain that it is held. Reckoned from before Redis was asked. */
  #until = 0
  /** By `now`: when Redis was asked last, and may have granted it. */
  #asked = Number.NEGATIVE_INFINITY
  /** How often the connection had been lost when Redis said last that it is held. */
  #interruptions = 0
  #isLost = false
  #isOver = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(context: LeaseContext) {
    this.#context = context
  }

  /** Asks for it once: that it is taken, and how the holder before left the scope; or how many are before. */
  async ask(): Promise<{ isTaken: true; left: Left } | { isTaken: false; before: number }> {
    const { leaseMs, link, now } = this.#context
    const asked = now()
    this.#asked = asked
    const { interruptions } = link
    const answer = await this.#run(ACQUIRE, 4, leaseMs, STALE_MS, KNOWN_MS)
    const [taken, rest] = answer as [0, number] | [1, string]
    if (taken === 0) return { isTaken: false, before: rest }
    this.#confirm(asked, interruptions)
    this.#renewLater(leaseMs / 3)
    return { isTaken: true, left: LEFT[rest] ?? 'unknown' }
  }

  async assertHeld(): Promise<void> {
    const { commitMs, link, now } = this.#context
    const isSure = () =>
      !this.#isLost && this.#interruptions === link.interruptions && this.#until - now() >= commitMs
    if (isSure()) return
    // The process stood still, or Redis was away: it may have lost the lease, or all that it knew.
    await this.#renew()
    if (!isSure()) {
      throw new AppError(
        'backend_unavailable',
        'This sidecar cannot be sure any more that no other one writes to this user’s memories; nothing was stored.',
        { retryAfterS: 1 },
      )
    }
  }

  /** @param inOrder whether nothing is left to be finished by the next holder */
  async giveBack(inOrder: boolean): Promise<void> {
    const { leaseMs, timers, now } = this.#context
    this.#isOver = true
    timers.clearTimeout(this.#timer)
    try {
      await this.#run(GIVE_BACK, 4, inOrder ? KNOWN_MS : 0)
    } catch (error) {
      unlessUnavailable(error)
      // Others need not wait until it ends by itself: it may even be held although nobody was told so.
      if (now() > Math.max(this.#asked + leaseMs, this.#until)) return
      timers.setTimeout(() => void this.giveBack(inOrder), AGAIN_MS).unref?.()
    }
  }

  async #renew(): Promise<void> {
    const { leaseMs, link, now } = this.#context
    const asked = now()
    const { interruptions } = link
    try {
      if ((await this.#run(RENEW, 1, leaseMs)) === 1) this.#confirm(asked, interruptions)
      else this.#isLost = true
    } catch (error) {
      unlessUnavailable(error)
    }
  }

  #confirm(asked: number, interruptions: number): void {
    this.#until = Math.max(this.#until, asked + this.#context.leaseMs)
    this.#interruptions = interruptions
  }

  #renewLater(ms: number): void {
    const { timers, leaseMs, now } = this.#context
    this.#timer = timers.setTimeout(async () => {
      const before = this.#until
      await this.#renew()
      if (this.#isOver || this.#isLost || now() > this.#until) return
      this.#renewLater(this.#until > before ? leaseMs / 3 : AGAIN_MS)
    }, ms)
    this.#timer.unref?.()
  }

  async #run(script: Script, keys: number, ...args: number[]): Promise<unknown> {
    const { link, keys: all } = this.#context
    const given = args.map((arg) => Math.floor(arg))
    return await link.run((client) => runScript(client, script, all.slice(0, keys), [this.#token, ...given]))
  }
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof CacheUnavailable)) throw error
}

import { AppError } from '../../ports/errors.ts'
import type { Log } from '../../ports/log.ts'
import type { Counters, ScopeState } from '../../ports/scope-state.ts'
import type { ChangeNotice, NoticeStore } from './pending-notices.ts'

/**
 * Delivers change notices to the scope state that sidecars share. A removal moves the fence before the commit, so that
 * no earlier block is served during it, and after it, so that no block that was built meanwhile is.
 *
 * A write succeeds without the scope state: its notice is stored before the write is acknowledged, and delivered in
 * the background. Until then no block of the scope may be served. If processes share the records, each also
 * delivers the notices that others stored, because those may have died.
 */
export interface Announcer {
  /**
   * Moves the fence of a scope before content is removed or corrected.
   * @throws {AppError} `backend_unavailable` if other processes read the same records and the notice cannot be
   * delivered: they would serve what is removed
   */
  beforeRemoval(scope: string): Promise<Counters | undefined>
  /** Announces a durable change and returns the new counters; `undefined`: the notice is stored. Never rejects. */
  changed(change: {
    scope: string
    fence: boolean
    forgotten?: boolean | undefined
  }): Promise<Counters | undefined>
  /** Whether the counters of a scope do not reflect all its changes; no block of it may be served then. */
  hasUndelivered(scope: string): boolean
  /** Scopes with undelivered notices, without those that are only stored. */
  readonly undelivered: number
  /** Loads the notices that an earlier process left. Must be awaited before anything is served. */
  start(): Promise<void>
  /** Tries once to deliver the remaining notices. */
  close(): Promise<void>
}

export interface AnnouncerOptions {
  scopeState: ScopeState
  notices: NoticeStore
  log: Pick<Log, 'info' | 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  /** Maximum scopes with undelivered notices in memory; above it, notices are only stored. */
  maxUndelivered?: number
  /** Whether other processes read and write the same records. */
  isShared?: boolean | undefined
}

const STRENGTH: Readonly<Record<ChangeNotice, number>> = { epoch: 0, fence: 1, clear: 2 }

const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5000
/** Interval at which the notices of other processes are loaded. */
const POLL_MS = 5000

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const {
    scopeState,
    notices,
    log,
    timers = globalThis,
    maxUndelivered = 100_000,
    isShared = false,
  } = options
  const undelivered = new Map<string, { notice: ChangeNotice }>()
  /** Some notices are only stored, so that every scope may have one. */
  let isOverflowing = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let delivery: Promise<void> | undefined
  let retryMs = FIRST_RETRY_MS
  let isClosed = false

  async function deliver(scope: string, notice: ChangeNotice): Promise<Counters> {
    return notice === 'clear' ? await scopeState.clear(scope) : await scopeState.bump(scope, notice)
  }

  async function deliverOrStore(scope: string, notice: ChangeNotice): Promise<Counters | undefined> {
    const isFirst = undelivered.size === 0 && !isOverflowing
    // With an undelivered notice, the scope state was just unavailable: the write does not wait for it again.
    if (!isOverflowing && !undelivered.has(scope)) {
      try {
        return await deliver(scope, notice)
      } catch (error) {
        if (isFirst) log.warn('scope state unavailable, change notices are stored', { error: String(error) })
      }
    }
    const isStronger = remember(scope, notice)
    if (isFirst) schedule()
    if (isStronger) await logFailure(notices.put({ scope, notice }))
    return undefined
  }

  /** Returns whether the notice is stronger than the undelivered one of the scope. */
  function remember(scope: string, notice: ChangeNotice): boolean {
    const known = undelivered.get(scope)?.notice
    const isStronger = known === undefined || STRENGTH[notice] > STRENGTH[known]
    // Always a new object, so that a delivery in flight does not count for this change.
    if (known !== undefined || undelivered.size < maxUndelivered)
      undelivered.set(scope, { notice: isStronger ? notice : known })
    else isOverflowing = true
    return isStronger
  }

  /** The notices are in memory too, so a failing store does not fail the write. */
  async function logFailure(access: Promise<void>): Promise<void> {
    await access.catch((error) => log.warn('change notices not stored', { error: String(error) }))
  }

  function schedule(): void {
    timers.clearTimeout(timer)
    const hasNotices = undelivered.size > 0 || isOverflowing
    if (delivery || isClosed || !(hasNotices || isShared)) return
    const delayMs = hasNotices ? retryMs : POLL_MS
    if (hasNotices) retryMs = Math.min(MAX_RETRY_MS, 2 * retryMs)
    timer = timers.setTimeout(() => void deliverAndSchedule(), delayMs * (0.5 + Math.random() / 2))
    timer.unref?.()
  }

  async function deliverAndSchedule(): Promise<void> {
    delivery = deliverAll()
    await delivery
    delivery = undefined
    schedule()
  }

  /** Stops at the first failure. */
  async function deliverAll(): Promise<void> {
    if (isShared || isOverflowing) await logFailure(load())
    if (undelivered.size === 0) return
    for (const [scope, entry] of undelivered) {
      try {
        await deliver(scope, entry.notice)
      } catch {
        return
      }
      if (undelivered.get(scope) !== entry) continue
      undelivered.delete(scope)
      await logFailure(notices.remove(scope))
    }
    retryMs = FIRST_RETRY_MS
    if (undelivered.size === 0 && !isOverflowing) log.info('all change notices delivered')
  }

  async function load(): Promise<void> {
    let hasMore = false
    for await (const { scope, notice } of notices.all()) {
      remember(scope, notice)
      hasMore ||= !undelivered.has(scope)
    }
    isOverflowing = hasMore || undelivered.size >= maxUndelivered
  }

  async function deliverOrThrow(scope: string): Promise<Counters> {
    try {
      return await deliver(scope, 'fence')
    } catch (cause) {
      const message =
        'Redis is unavailable, so the removal cannot be announced to the other sidecars; nothing was removed. Retry.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5, cause })
    }
  }

  return {
    beforeRemoval: (scope) => (isShared ? deliverOrThrow(scope) : deliverOrStore(scope, 'fence')),
    changed: ({ scope, fence, forgotten }) =>
      deliverOrStore(scope, forgotten ? 'clear' : fence ? 'fence' : 'epoch'),
    hasUndelivered: (scope) => isOverflowing || undelivered.has(scope),
    get undelivered() {
      return undelivered.size
    },
    async start() {
      await load()
      schedule()
    },
    async close() {
      isClosed = true
      timers.clearTimeout(timer)
      await delivery
      if (undelivered.size > 0) await deliverAll()
      if (undelivered.size > 0)
        log.warn('change notices are delivered at the next start', { scopes: undelivered.size })
    },
  }
}

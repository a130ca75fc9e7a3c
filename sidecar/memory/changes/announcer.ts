import { AppError } from '../../ports/errors.ts'
import type { Log } from '../../ports/log.ts'
import type { Counters, ScopeState } from '../../ports/scope-state.ts'
import type { ScopeChange, TurnOfConversation } from '../engine/unit-of-work.ts'
import type { ChangeNotice, NoticeStore } from './pending-notices.ts'

export interface Announcer {
  /**
   * Moves the fence of a scope before a memory is removed or corrected. Otherwise like `changed`.
   * @throws {AppError} `backend_unavailable` if the notice cannot be delivered and `onUndeliverableRemoval` is `refuse`
   */
  beforeRemoval(scope: string): Promise<Counters | undefined>
  /**
   * Announces a change that is durable and visible, and returns the new counters. Never rejects: returns `undefined` if
   * the notice cannot be delivered now, and retries in the background.
   */
  changed(
    change: Pick<ScopeChange, 'scope' | 'fence' | 'completes' | 'forgotten'>,
  ): Promise<Counters | undefined>
  /** Whether the counters of a scope lack a change. No block of the scope may be served then. */
  hasPendingNotices(scope: string): boolean
  /** Scopes in memory with a pending notice. */
  readonly pendingScopes: number
  /** Loads the notices that the last process did not deliver. Must complete before anything is served. */
  start(): Promise<void>
  /** Tries once to deliver the pending notices. */
  close(): Promise<void>
}

export interface AnnouncerOptions {
  scopeState: ScopeState
  notices: NoticeStore
  log: Pick<Log, 'info' | 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  /** Maximum number of scopes with a pending notice in memory; the others are read from the store. */
  maxPending?: number
  /**
   * `refuse`: a removal fails if its notice cannot be delivered, because other processes would serve the removed memory.
   * `store`: the notice is delivered later. @default 'store'
   */
  onUndeliverableRemoval?: 'refuse' | 'store'
  /** Interval of reading the pending notices of other processes, which may have died. Milliseconds. @default never */
  pollMs?: number
}

const STRENGTH: Readonly<Record<ChangeNotice, number>> = { epoch: 0, fence: 1, clear: 2 }
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5000

/**
 * Announces changes of memories to the scope state that sidecars share. A removal moves the fence before and after the
 * commit, so that neither older blocks nor blocks built during it are served. While the scope state is unavailable, the
 * strongest notice per scope is stored before the write is acknowledged, and delivered in the background.
 */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { scopeState, notices, log, timers = globalThis, maxPending = 100_000, pollMs } = options
  const { onUndeliverableRemoval = 'store' } = options
  const pending = new Map<string, { what: ChangeNotice }>()
  /** Whether the store may contain notices that `pending` lacks. */
  let hasOverflowed = false
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let reloadTimer: ReturnType<typeof setTimeout> | undefined
  let delivery: Promise<void> | undefined
  let pause = FIRST_PAUSE_MS
  let isClosed = false

  async function deliver(scope: string, what: ChangeNotice): Promise<Counters> {
    return what === 'clear' ? await scopeState.clear(scope) : await scopeState.bump(scope, what)
  }

  /**
   * Whether a block may include a turn without its answer: a recall for a later turn assumes that the turn is complete.
   * Asked after the commit, so that a recall that is not seen here reads the complete turn.
   */
  async function mayBeIncluded(scope: string, { conversation, turn }: TurnOfConversation): Promise<boolean> {
    try {
      const recalled = (await scopeState.turns(scope, conversation)).filter(
        ({ recalledAt }) => recalledAt !== null,
      )
      // Without a recall for the turn itself, those for later turns may have been lost as well.
      return recalled.at(-1)?.turn !== turn
    } catch {
      return true
    }
  }

  async function deliverOrStore(scope: string, what: ChangeNotice): Promise<Counters | undefined> {
    // A pending notice means that the scope state was unavailable just now: the write does not wait for it again.
    if (!hasOverflowed && !pending.has(scope)) {
      try {
        return await deliver(scope, what)
      } catch (error) {
        if (pending.size === 0) log.warn('change notice not delivered, will be retried', toFields(error))
      }
    }
    const isStronger = remember(scope, what)
    scheduleRetry()
    if (isStronger) await logFailure(notices.put({ scope, notice: what }))
    return undefined
  }

  async function deliverOrReject(scope: string): Promise<Counters> {
    try {
      return await deliver(scope, 'fence')
    } catch (cause) {
      const message =
        'Redis is unavailable, so other sidecars cannot be told of the removal; nothing was removed. Retry.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5, cause })
    }
  }

  /** Returns whether the notice is stronger than the pending one in memory. */
  function remember(scope: string, what: ChangeNotice): boolean {
    const before = pending.get(scope)?.what
    const isStronger = before === undefined || STRENGTH[what] > STRENGTH[before]
    // A new object, so that a delivery in progress does not remove the notice of this later change.
    if (before !== undefined || pending.size < maxPending)
      pending.set(scope, { what: isStronger ? what : before })
    else hasOverflowed = true
    return isStronger
  }

  /** A notice that cannot be stored is still pending in memory. */
  async function logFailure(written: Promise<void>): Promise<void> {
    await written.catch((error) => log.warn('change notice not stored', toFields(error)))
  }

  function scheduleRetry(): void {
    if (retryTimer !== undefined || delivery || isClosed) return
    retryTimer = timers.setTimeout(() => {
      retryTimer = undefined
      void retry()
    }, jitter(pause))
    pause = Math.min(MAX_PAUSE_MS, 2 * pause)
  }

  async function retry(): Promise<void> {
    delivery = deliverPending()
      .catch((error) => log.warn('pending change notices not read', toFields(error)))
      .finally(() => {
        delivery = undefined
      })
    await delivery
    if (pending.size > 0 || hasOverflowed) scheduleRetry()
  }

  /** Stops at the first failure. */
  async function deliverPending(): Promise<void> {
    for (const [scope, notice] of pending) {
      try {
        await deliver(scope, notice.what)
      } catch {
        return
      }
      if (pending.get(scope) !== notice) continue
      pending.delete(scope)
      await logFailure(notices.remove(scope))
    }
    pause = FIRST_PAUSE_MS
    if (hasOverflowed && pending.size === 0) await load()
    else if (pending.size === 0) log.info('all change notices delivered')
  }

  async function load(): Promise<void> {
    let hasMore = false
    for await (const { scope, notice } of notices.all()) {
      remember(scope, notice)
      hasMore ||= !pending.has(scope)
    }
    // A full map may also lack notices that were stored during the read.
    hasOverflowed = hasMore || pending.size >= maxPending
    if (pending.size > 0) scheduleRetry()
  }

  function scheduleReload(): void {
    if (isClosed || pollMs === undefined) return
    const reload = () =>
      load()
        .catch((error) => log.warn('pending change notices not read', toFields(error)))
        .finally(scheduleReload)
    reloadTimer = timers.setTimeout(() => void reload(), jitter(pollMs))
    reloadTimer.unref?.()
  }

  return {
    beforeRemoval: (scope) =>
      onUndeliverableRemoval === 'refuse' ? deliverOrReject(scope) : deliverOrStore(scope, 'fence'),
    async changed({ scope, fence, completes, forgotten }) {
      if (forgotten) return await deliverOrStore(scope, 'clear')
      const isFence = fence || (completes !== undefined && (await mayBeIncluded(scope, completes)))
      return await deliverOrStore(scope, isFence ? 'fence' : 'epoch')
    },
    hasPendingNotices: (scope) => hasOverflowed || pending.has(scope),
    get pendingScopes() {
      return pending.size
    },
    async start() {
      await load()
      scheduleReload()
    },
    async close() {
      isClosed = true
      timers.clearTimeout(retryTimer)
      timers.clearTimeout(reloadTimer)
      await delivery
      if (pending.size > 0) await deliverPending()
      if (pending.size > 0) {
        log.warn('change notices will be delivered at the next start', { scopes: pending.size })
      }
    },
  }
}

function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2)
}

function toFields(error: unknown): { error: string } {
  return { error: String(error) }
}

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Counters, ScopeState } from '../ports/scope-state.ts'
import type { ChangeNotice, Debts } from './debts.ts'

export interface Announcer {
  /**
   * Moves the fence of a scope before a memory is removed or corrected. Otherwise like `changed`.
   * @throws {AppError} `backend_unavailable` with a shared record store if the notice cannot be delivered, because
   * other sidecars would serve the removed memory
   */
  beforeRemoval(scope: string): Promise<Counters | undefined>
  /**
   * Announces a change that is durable and visible, and returns the new counters. Never rejects: returns `undefined` if
   * the notice cannot be delivered now, and retries in the background.
   */
  changed(change: Announcement): Promise<Counters | undefined>
  /** Whether the counters of a scope lack a change. No block of the scope may be served then. */
  hasPendingNotices(scope: string): boolean
  /** Scopes in memory with a pending notice. */
  readonly pendingScopes: number
  /** Loads the notices that the last process did not deliver. Must complete before anything is served. */
  start(): Promise<void>
  /** Tries once to deliver the pending notices. */
  close(): Promise<void>
}

export interface Announcement {
  scope: string
  /** Whether a memory was removed or corrected. */
  fence: boolean
  /** Whether all memories of the scope were erased, which deletes its blocks. */
  forgotten?: boolean | undefined
}

export interface AnnouncerOptions {
  scopeState: ScopeState
  debts: Debts
  log: Pick<Log, 'info' | 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  /** Maximum number of scopes with a pending notice in memory; the others are read from the store. */
  maxOwed?: number
  /** Whether other processes use the same record store. */
  isShared?: boolean | undefined
}

const RANK: Readonly<Record<ChangeNotice, number>> = { epoch: 0, fence: 1, clear: 2 }

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5000

/** Interval of reading the pending notices of other processes, which may have died. Milliseconds. */
const RELOAD_MS = 5000

/**
 * Announces changes of memories to the scope state that sidecars share. A removal moves the fence twice: before the
 * commit, so that older blocks are not served during it, and after it, so that no block built during it is served.
 *
 * A write does not fail while the scope state is unavailable. Its notice is stored before the write is acknowledged, and
 * delivered in the background, only the strongest one per scope. Until then, `hasPendingNotices` prevents serving blocks
 * of the scope. With a shared record store, notices of other processes are delivered too.
 */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { scopeState, debts, log, timers = globalThis, maxOwed = 100_000, isShared = false } = options
  const owed = new Map<string, { what: ChangeNotice }>()
  /** More is owed than is held in memory; which scopes, the store knows. */
  let spilled = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let delivering: Promise<void> | undefined
  let pause = FIRST_PAUSE_MS
  let reloadTimer: ReturnType<typeof setTimeout> | undefined
  let closed = false

  async function tell(scope: string, what: ChangeNotice): Promise<Counters> {
    return what === 'clear' ? await scopeState.clear(scope) : await scopeState.bump(scope, what)
  }

  async function tellOrOwe(scope: string, what: ChangeNotice): Promise<Counters | undefined> {
    // Where something is owed already the state was away just now: the write does not wait for it again.
    if (!spilled && !owed.has(scope)) {
      try {
        return await tell(scope, what)
      } catch (error) {
        if (owed.size === 0)
          log.warn('change notice not delivered, will be retried', { error: String(error) })
      }
    }
    await owe(scope, what)
    return undefined
  }

  async function owe(scope: string, what: ChangeNotice): Promise<void> {
    const isNews = hold(scope, what)
    schedule()
    if (isNews) await keep(debts.put({ scope, what }))
  }

  /** Whether it is more than was owed before, as far as is known. */
  function hold(scope: string, what: ChangeNotice): boolean {
    const before = owed.get(scope)?.what
    const isNews = before === undefined || RANK[what] > RANK[before]
    // A new object: what is being paid at this moment may be from before this change.
    if (before !== undefined || owed.size < maxOwed) owed.set(scope, { what: isNews ? what : before })
    else spilled = true
    return isNews
  }

  /** A notice that cannot be stored is still pending in memory. */
  async function keep(written: Promise<void>): Promise<void> {
    await written.catch((error) => log.warn('change notice not stored', { error: String(error) }))
  }

  function schedule(): void {
    if (timer !== undefined || delivering || closed) return
    timer = timers.setTimeout(
      () => {
        timer = undefined
        void deliverAndReschedule()
      },
      pause * (0.5 + Math.random() / 2),
    )
    pause = Math.min(MAX_PAUSE_MS, 2 * pause)
  }

  async function deliverAndReschedule(): Promise<void> {
    delivering = deliver()
      .catch((error) => log.warn('pending change notices not read', { error: String(error) }))
      .finally(() => {
        delivering = undefined
      })
    await delivering
    if (owed.size > 0 || spilled) schedule()
  }

  /** Stops at the first failure. */
  async function deliver(): Promise<void> {
    for (const [scope, notice] of owed) {
      try {
        await tell(scope, notice.what)
      } catch {
        return
      }
      if (owed.get(scope) !== notice) continue
      owed.delete(scope)
      await keep(debts.remove(scope))
    }
    pause = FIRST_PAUSE_MS
    if (spilled && owed.size === 0) await load()
    else if (owed.size === 0) log.info('all change notices delivered')
  }

  async function load(): Promise<void> {
    let hasMore = false
    for await (const { scope, what } of debts.all()) {
      hold(scope, what)
      hasMore ||= !owed.has(scope)
    }
    // If the map is full, notices that arrived meanwhile may be missing in it as well.
    spilled = hasMore || owed.size >= maxOwed
    if (owed.size > 0) schedule()
  }

  function scheduleReload(): void {
    if (closed || !isShared) return
    reloadTimer = timers.setTimeout(
      () =>
        void load()
          .catch((error) => log.warn('pending change notices not read', { error: String(error) }))
          .finally(scheduleReload),
      RELOAD_MS * (0.5 + Math.random() / 2),
    )
    reloadTimer.unref?.()
  }

  async function deliverOrReject(scope: string): Promise<Counters> {
    try {
      return await tell(scope, 'fence')
    } catch (cause) {
      const message =
        'Redis is unavailable, so other sidecars cannot be told of the removal; nothing was removed. Retry.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5, cause })
    }
  }

  return {
    beforeRemoval: (scope) => (isShared ? deliverOrReject(scope) : tellOrOwe(scope, 'fence')),
    changed: ({ scope, fence, forgotten }) =>
      tellOrOwe(scope, forgotten ? 'clear' : fence ? 'fence' : 'epoch'),
    hasPendingNotices: (scope) => spilled || owed.has(scope),
    get pendingScopes() {
      return owed.size
    },
    async start() {
      await load()
      scheduleReload()
    },
    async close() {
      closed = true
      timers.clearTimeout(timer)
      timers.clearTimeout(reloadTimer)
      await delivering
      if (owed.size > 0) await deliver()
      if (owed.size > 0) log.warn('change notices will be delivered at the next start', { scopes: owed.size })
    },
  }
}

import { AppError } from '../../ports/errors.ts'
import type { Log } from '../../ports/log.ts'
import type { Counters, ScopeState } from '../../ports/scope-state.ts'
import type { ChangeNotice, Debts } from './pending-notices.ts'

export interface Announcer {
  /**
   * Moves the fence of a scope, before something of it is removed or corrected. As `changed` otherwise.
   * @throws {AppError} `backend_unavailable` if the notice cannot be delivered and `onUndeliverableRemoval` is `refuse`
   */
  beforeRemoval(scope: string): Promise<Counters | undefined>
  /**
   * Tells that a change is durable and visible, and answers the counters that this has moved. Never rejects: what cannot
   * be told now is told as soon as it can be, and `undefined` is the answer.
   */
  changed(change: Announcement): Promise<Counters | undefined>
  /** Whether the counters of a scope tell of all its changes. While they do not, no block of it may be served. */
  isSettled(scope: string): boolean
  /** Scopes whose changes have yet to be told, as far as they are held in memory. */
  readonly owed: number
  /** Takes up what was owed when the last process ended. To be awaited before anything is served. */
  start(): Promise<void>
  /** Tries once more to tell what has not been told. */
  close(): Promise<void>
}

export interface Announcement {
  scope: string
  /** Whether something was removed or corrected. */
  fence: boolean
  /** Nothing is left of the scope: its blocks go too. */
  forgotten?: boolean | undefined
}

export interface AnnouncerOptions {
  scopeState: ScopeState
  debts: Debts
  log: Pick<Log, 'info' | 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  /** Most scopes held in memory as owed. */
  maxOwed?: number
  /**
   * `refuse`: a removal fails if it cannot be announced, because other processes would serve what is removed. `store`:
   * the notice is delivered later. @default 'store'
   */
  onUndeliverableRemoval?: 'refuse' | 'store'
  /** How often the stored notices of other processes are looked for, milliseconds. @default never */
  pollMs?: number
}

const RANK: Readonly<Record<ChangeNotice, number>> = { epoch: 0, fence: 1, clear: 2 }

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/**
 * Tells the state that sidecars share of what happens to the memories of a scope. A removal moves the fence before it,
 * so that no block from before is served while it happens, and after it, so that none is that was begun meanwhile.
 *
 * A write does not fail because that state is away. What it owes then is durable before the write is answered for, and
 * paid in the background, the greatest that is owed to a scope once for all; until then `isSettled` says that the
 * blocks of the scope cannot be trusted. With `pollMs`, what another process owes is taken up too.
 */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { scopeState, debts, log, timers = globalThis, maxOwed = 100_000, pollMs } = options
  const { onUndeliverableRemoval = 'store' } = options
  const owed = new Map<string, { what: ChangeNotice }>()
  /** More is owed than is held in memory; which scopes, the store knows. */
  let spilled = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let paying: Promise<void> | undefined
  let pause = FIRST_PAUSE_MS
  let looking: ReturnType<typeof setTimeout> | undefined
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
        if (owed.size === 0) log.warn('changes not told to other sidecars yet', { error: String(error) })
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

  /** Where it cannot be written down it is known in memory at least. */
  async function keep(written: Promise<void>): Promise<void> {
    await written.catch((error) => log.warn('what is owed not written down', { error: String(error) }))
  }

  function schedule(): void {
    if (timer !== undefined || paying || closed) return
    timer = timers.setTimeout(
      () => {
        timer = undefined
        void payAndGoOn()
      },
      pause * (0.5 + Math.random() / 2),
    )
    pause = Math.min(LONGEST_PAUSE_MS, 2 * pause)
  }

  async function payAndGoOn(): Promise<void> {
    paying = pay()
      .catch((error) => log.warn('what is owed not read', { error: String(error) }))
      .finally(() => {
        paying = undefined
      })
    await paying
    if (owed.size > 0 || spilled) schedule()
  }

  /** Stops at the first failure. */
  async function pay(): Promise<void> {
    for (const [scope, debt] of owed) {
      try {
        await tell(scope, debt.what)
      } catch {
        return
      }
      if (owed.get(scope) !== debt) continue
      owed.delete(scope)
      await keep(debts.remove(scope))
    }
    pause = FIRST_PAUSE_MS
    if (spilled && owed.size === 0) await load()
    else if (owed.size === 0) log.info('all changes are told to other sidecars')
  }

  async function load(): Promise<void> {
    let hasMore = false
    for await (const { scope, what } of debts.all()) {
      hold(scope, what)
      hasMore ||= !owed.has(scope)
    }
    // What came to be owed meanwhile had no room either, if it is full.
    spilled = hasMore || owed.size >= maxOwed
    if (owed.size > 0) schedule()
  }

  function lookLater(): void {
    if (closed || pollMs === undefined) return
    looking = timers.setTimeout(
      () =>
        void load()
          .catch((error) => log.warn('what is owed not read', { error: String(error) }))
          .finally(lookLater),
      pollMs * (0.5 + Math.random() / 2),
    )
    looking.unref?.()
  }

  async function tellOrRefuse(scope: string): Promise<Counters> {
    try {
      return await tell(scope, 'fence')
    } catch (cause) {
      const message =
        'Other sidecars cannot be told that something is removed, so nothing was: Redis is away.'
      throw new AppError('backend_unavailable', message, { retryAfterS: 5, cause })
    }
  }

  return {
    beforeRemoval: (scope) =>
      onUndeliverableRemoval === 'refuse' ? tellOrRefuse(scope) : tellOrOwe(scope, 'fence'),
    changed: ({ scope, fence, forgotten }) =>
      tellOrOwe(scope, forgotten ? 'clear' : fence ? 'fence' : 'epoch'),
    isSettled: (scope) => !spilled && !owed.has(scope),
    get owed() {
      return owed.size
    },
    async start() {
      await load()
      lookLater()
    },
    async close() {
      closed = true
      timers.clearTimeout(timer)
      timers.clearTimeout(looking)
      await paying
      if (owed.size > 0) await pay()
      if (owed.size > 0)
        log.warn('changes are told to other sidecars at the next start', { scopes: owed.size })
    },
  }
}

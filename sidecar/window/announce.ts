import type { Log } from '../log.ts'
import type { ScopeState } from '../ports/scope-state.ts'

export interface Announcer {
  /** Moves the fence of a scope, before something of it is removed or corrected. Never rejects. */
  beforeRemoval(scope: string): Promise<void>
  /** Tells that a change is durable and visible. Never rejects: what cannot be told now is told as soon as it can be. */
  changed(change: Announcement): Promise<void>
  /** Whether the counters of a scope tell of all its changes. While they do not, no block of it may be served. */
  isSettled(scope: string): boolean
  /** Scopes whose changes have yet to be told. */
  readonly owed: number
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
  log: Pick<Log, 'info' | 'warn'>
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

type What = 'epoch' | 'fence' | 'clear'

const RANK: Readonly<Record<What, number>> = { epoch: 0, fence: 1, clear: 2 }

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/** Scopes that are remembered as owed; beyond, the longest owed are given up. */
const MAX_OWED = 100_000

/**
 * Tells the state that sidecars share of what happens to the memories of a scope. A removal moves the fence before it,
 * so that no block from before is served while it happens, and after it, so that none is that was begun meanwhile.
 *
 * A write does not fail because that state is away. What it owes then is paid in the background, the greatest that is
 * owed to a scope once for all; until then `isSettled` says that the blocks of the scope cannot be trusted.
 */
export function createAnnouncer({ scopeState, log, timers = globalThis }: AnnouncerOptions): Announcer {
  const owed = new Map<string, { what: What }>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let paying: Promise<void> | undefined
  let pause = FIRST_PAUSE_MS
  let closed = false

  async function tell(scope: string, what: What): Promise<void> {
    if (what === 'clear') await scopeState.clear(scope)
    else await scopeState.bump(scope, what)
  }

  async function tellOrOwe(scope: string, what: What): Promise<void> {
    // Where something is owed already the state was away just now: the write does not wait for it again.
    if (owed.has(scope)) return owe(scope, what)
    try {
      await tell(scope, what)
    } catch (error) {
      if (owed.size === 0) log.warn('changes not told to other sidecars yet', { error: String(error) })
      owe(scope, what)
    }
  }

  function owe(scope: string, what: What): void {
    const before = owed.get(scope)?.what ?? 'epoch'
    // A new object: what is being paid at this moment may be from before this change.
    owed.set(scope, { what: RANK[before] > RANK[what] ? before : what })
    if (owed.size > MAX_OWED) {
      owed.delete(owed.keys().next().value as string)
      log.warn('a change is never told to other sidecars: too many are owed', { owed: MAX_OWED })
    }
    schedule()
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
    paying = pay().finally(() => {
      paying = undefined
    })
    await paying
    if (owed.size > 0) schedule()
  }

  /** Stops at the first failure. */
  async function pay(): Promise<void> {
    for (const [scope, debt] of owed) {
      try {
        await tell(scope, debt.what)
      } catch {
        return
      }
      if (owed.get(scope) === debt) owed.delete(scope)
    }
    pause = FIRST_PAUSE_MS
    if (owed.size === 0) log.info('all changes are told to other sidecars')
  }

  return {
    beforeRemoval: (scope) => tellOrOwe(scope, 'fence'),
    changed: ({ scope, fence, forgotten }) =>
      tellOrOwe(scope, forgotten ? 'clear' : fence ? 'fence' : 'epoch'),
    isSettled: (scope) => !owed.has(scope),
    get owed() {
      return owed.size
    },
    async close() {
      closed = true
      timers.clearTimeout(timer)
      await paying
      if (owed.size > 0) await pay()
      if (owed.size > 0) log.warn('changes never told to other sidecars', { scopes: owed.size })
    },
  }
}

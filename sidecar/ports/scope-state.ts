/** Two counters of a scope. `epoch` moves with every visible change, `fence` with every removal or correction. */
export interface Counters {
  epoch: number
  fence: number
}

/** A text that was put together for a scope. `storedAt`: epoch milliseconds, by the clock of who stored it. */
export interface StoredBlock {
  value: string
  storedAt: number
}

/** When a turn of a conversation was recalled for and when it was added, epoch milliseconds. */
export interface TurnSeen {
  turn: number
  recalledAt: number | null
  addedAt: number | null
}

/** A turn that is being recalled for, and when, epoch milliseconds. */
export interface TurnRecalled {
  conversation: string
  turn: number
  at: number
}

/** Frees a lease. Where it has ended meanwhile, or is somebody else's by now, nothing happens. */
export interface Lease {
  release(): Promise<void>
}

/** Turns of a conversation that are kept: the latest so many. */
export const MAX_TURNS = 64

/**
 * What sidecars know together about a scope: how often it has changed, the blocks that were put together from it, who
 * is at work on it, and which turns of its conversations were seen. All of it may be lost at any time.
 *
 * The rule that everything here serves: a block that was begun before a removal is never read after it. A reader takes
 * the counters first, puts its block together, and fills it in with the counters that it took.
 *
 * An adapter on a server rejects with `CacheUnavailable` when the server gives no answer in time, or none that helps.
 * Scopes, keys, conversations and values are well-formed Unicode.
 */
export interface ScopeState {
  /** For people: `in-process`, `redis`. */
  readonly kind: string
  /**
   * Counters never restart at 0: one that is missing (new, evicted) begins at the clock in microseconds, so that what
   * was stored under an older one can never match.
   */
  counters(scope: string): Promise<Counters>
  /** Moves one counter or both, atomically, and answers them. `fence` implies `epoch`. */
  bump(scope: string, what: 'epoch' | 'fence'): Promise<Counters>
  /**
   * A block and the counters of now, read at one moment (one round trip, Lua on Redis). `isFenced`: there is one, from
   * before the fence; it may be gone with this answer. `recalled` is noted on the way, as `noteTurn` does.
   */
  read(
    scope: string,
    key: string,
    recalled?: TurnRecalled,
  ): Promise<{ counters: Counters; block: StoredBlock | undefined; isFenced?: true }>
  /**
   * Stores a block unless the fence has moved since `expected` was read: compare-and-set. False: it moved, nothing
   * stored. `ttlMs` > 0. Rejects with a `RangeError` a value too large to hold.
   */
  fill(scope: string, key: string, value: string, ttlMs: number, expected: Counters): Promise<boolean>
  /** Drops every block of a scope and moves the fence. */
  clear(scope: string): Promise<Counters>
  /**
   * A lease: at most one holder at a time across processes; undefined when another holds it. `release` only frees
   * one's own. The lease ends by itself after ttlMs.
   */
  lease(scope: string, key: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Notes that a turn of a conversation was seen (recall) or added, with the time; bounded (the latest 64 turns), gone
   * after ttl.
   */
  noteTurn(
    scope: string,
    conversation: string,
    turn: number,
    what: 'recalled' | 'added',
    at: number,
  ): Promise<void>
  /** In the order of the turns. */
  turns(scope: string, conversation: string): Promise<TurnSeen[]>
  /** Resolves when blocks can be read and stored just now. */
  check(): Promise<void>
  close(): Promise<void>
}

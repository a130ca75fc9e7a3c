/** Two counters of a scope. `epoch` moves with every visible change, `fence` with every removal or correction. */
export interface Counters {
  epoch: number
  fence: number
}

/** A cached text of a scope. `storedAt`: epoch milliseconds, by the clock of the process that stored it. */
export interface StoredBlock {
  value: string
  storedAt: number
}

/** When a recall for a turn of a conversation happened and when the turn was added, epoch milliseconds. */
export interface TurnSeen {
  turn: number
  recalledAt: number | null
  addedAt: number | null
}

/** A recall for a turn of a conversation; `at`: epoch milliseconds. */
export interface TurnRecalled {
  conversation: string
  turn: number
  at: number
}

/** `release` has no effect on a lease that has expired, even if another process holds it now. */
export interface Lease {
  release(): Promise<void>
}

/** Turns, and counted calls, kept per conversation, the latest ones. */
export const MAX_TURNS = 64

/**
 * State of a scope that sidecars share: its change counters, cached blocks, leases, and the turns seen of its
 * conversations. All of it may be lost at any time.
 *
 * Invariant: a block whose construction started before a removal is never read after it. A reader reads the counters
 * first, builds its block, and stores the block with those counters.
 *
 * An adapter for a server rejects with `CacheUnavailable` when the server does not answer in time or answers with an
 * error. Scopes, keys, conversations and values are well-formed Unicode.
 */
export interface ScopeState {
  /** Name for logs: `in-process`, `redis`. */
  readonly kind: string
  /**
   * Counters never restart at 0: a missing one (new, evicted) starts at the clock in microseconds, so that values stored
   * under an older counter can never match.
   */
  counters(scope: string): Promise<Counters>
  /** Increments one counter or both, atomically, and returns them. `fence` implies `epoch`. */
  bump(scope: string, what: 'epoch' | 'fence'): Promise<Counters>
  /**
   * Reads a block and the current counters atomically (one round trip, Lua on Redis). `isFenced`: a block exists, but
   * from before the fence; the read may delete it. `recalled` is recorded as `noteTurn` does.
   */
  read(
    scope: string,
    key: string,
    recalled?: TurnRecalled,
  ): Promise<{ counters: Counters; block: StoredBlock | undefined; isFenced?: true }>
  /**
   * Compare-and-set: stores a block unless the fence has moved since `expected` was read. Returns whether it was stored.
   * `ttlMs` > 0. Rejects with a `RangeError` for a value that exceeds the size limit.
   */
  fill(scope: string, key: string, value: string, ttlMs: number, expected: Counters): Promise<boolean>
  /** Deletes every block of a scope and moves the fence. */
  clear(scope: string): Promise<Counters>
  /**
   * Takes a lease: at most one holder at a time across processes; `undefined` while another holder has it. The lease
   * expires after `ttlMs`.
   */
  lease(scope: string, key: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Records when a turn of a conversation was recalled for or added. Keeps the latest `MAX_TURNS` turns, for a limited
   * time.
   */
  noteTurn(
    scope: string,
    conversation: string,
    turn: number,
    what: 'recalled' | 'added',
    at: number,
  ): Promise<void>
  /**
   * Counts the calls of a conversation that have no turn number, atomically: a new `call` gets the number after the last
   * one, at least `least`; the same call again gets its first number. Keeps the latest `MAX_TURNS` calls, as long as turns.
   */
  countTurn(scope: string, conversation: string, call: string, least: number): Promise<number>
  /** Ordered by turn. */
  turns(scope: string, conversation: string): Promise<TurnSeen[]>
  /** Resolves when blocks can currently be read and stored. */
  check(): Promise<void>
  close(): Promise<void>
}

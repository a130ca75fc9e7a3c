export interface CachedEntry {
  value: string
  /** Epoch milliseconds at which the entry was stored, by the clock of the process that stored it. */
  storedAt: number
}

/**
 * Values that may be lost at any time, by key. Keys and values are well-formed Unicode. A key has the form
 * `family/scope/rest`, the scope percent-encoded: adapters that spread keys over servers keep one scope together.
 *
 * What every adapter promises, and the contract suite checks: the last `set` wins; an entry is never returned at
 * or after its expiry; keys are exact (no pattern, no case folding); the empty string is a value; the number and
 * size of entries is bounded, by the adapter or by the server behind it, and the least recently used go first.
 *
 * An adapter on a server rejects with `CacheUnavailable` when the server gives no answer in time, or none that helps.
 */
export interface CacheStore {
  /** For people: `in-process`, `redis`. */
  readonly kind: string
  get(key: string): Promise<CachedEntry | undefined>
  /** `ttlMs` > 0: milliseconds until the entry is gone. Rejects with a `RangeError` a value too large to hold. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Whether there was an entry. */
  delete(key: string): Promise<boolean>
  /** Resolves when entries can be read and stored just now. */
  check(): Promise<void>
  close(): Promise<void>
}

/** The server gave no answer that helps. A `set` or `delete` that rejects with it may have happened or not. */
export class CacheUnavailable extends Error {
  override readonly name = 'CacheUnavailable'
  /** `refused`: it answered with an error, such as out of memory, read-only, or still loading. */
  readonly reason: 'unreachable' | 'timeout' | 'refused'

  constructor(reason: CacheUnavailable['reason'], message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.reason = reason
  }
}

export interface CachedEntry {
  value: string
  /** Epoch milliseconds at which the entry was stored, by the clock of the process that stored it. */
  storedAt: number
}

/**
 * Values that may be lost at any time, by key. Keys and values are well-formed Unicode. A key has the form
 * `family/scope/rest`, the scope percent-encoded: adapters that spread keys over servers keep one scope together.
 *
 * The contract suite checks for every adapter: the last `set` wins; an entry is never returned at or after its expiry;
 * keys are compared exactly; the empty string is a value; number and size of entries are bounded, by the adapter or its
 * server, and the least recently used entries are evicted first.
 *
 * An adapter for a server rejects with `CacheUnavailable` when the server does not answer in time or answers with an
 * error.
 */
export interface CacheStore {
  /** Name for logs: `in-process`, `redis`. */
  readonly kind: string
  get(key: string): Promise<CachedEntry | undefined>
  /** `ttlMs` > 0. Rejects with a `RangeError` for a value that exceeds the size limit. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Returns whether there was an entry. */
  delete(key: string): Promise<boolean>
  /** Resolves when entries can be read and stored currently. */
  check(): Promise<void>
  close(): Promise<void>
}

/** The server cannot be used. A `set` or `delete` that rejects with it may have been executed. */
export class CacheUnavailable extends Error {
  override readonly name = 'CacheUnavailable'
  /** `refused`: the server answered with an error (out of memory, read-only, still loading). */
  readonly reason: 'unreachable' | 'timeout' | 'refused'

  constructor(reason: CacheUnavailable['reason'], message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.reason = reason
  }
}

export interface CachedEntry {
  value: string
  /** Epoch milliseconds at which the entry was stored. */
  storedAt: number
}

/**
 * Values that may be lost at any time, by key.
 *
 * What every adapter promises, and the contract suite checks: the last `set` wins; an entry is never returned at
 * or after its expiry; keys are exact (no pattern, no case folding); the empty string is a value; the number and
 * size of entries is bounded, and the least recently used go first.
 */
export interface CacheStore {
  /** For people: `in-process`, `redis`. */
  readonly kind: string
  get(key: string): Promise<CachedEntry | undefined>
  /** `ttlMs` > 0: milliseconds until the entry is gone. Rejects with a `RangeError` a value too large to hold. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Whether there was an entry. */
  delete(key: string): Promise<boolean>
  check(): Promise<void>
  close(): Promise<void>
}

import { LRUCache } from 'lru-cache'
import type { CachedEntry, CacheStore } from '../../ports/cache-store.ts'

export interface InProcessCacheOptions {
  /** Most entries held at once. */
  maxEntries: number
  /** Most bytes of keys and values (UTF-16, so two a code unit) held at once. */
  maxBytes: number
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

/** The embedded cache: bounded by count and size, gone with the process. */
export function createInProcessCache({
  maxEntries,
  maxBytes,
  now = Date.now,
}: InProcessCacheOptions): CacheStore {
  const entries = new LRUCache<string, CachedEntry & { expiresAt: number }>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: ({ value }, key) => 2 * (value.length + key.length) + 64,
  })
  return {
    kind: 'in-process',
    async get(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      if (now() >= entry.expiresAt) {
        entries.delete(key)
        return undefined
      }
      return { value: entry.value, storedAt: entry.storedAt }
    },
    async set(key, value, ttlMs) {
      const size = 2 * (value.length + key.length) + 64
      if (size > maxBytes) {
        throw new RangeError(`cache value: expected at most ${maxBytes} bytes, got ${size}`)
      }
      const storedAt = now()
      entries.set(key, { value, storedAt, expiresAt: storedAt + ttlMs })
    },
    async delete(key) {
      const entry = entries.get(key)
      entries.delete(key)
      return entry !== undefined && now() < entry.expiresAt
    },
    async check() {},
    async close() {
      entries.clear()
    },
  }
}

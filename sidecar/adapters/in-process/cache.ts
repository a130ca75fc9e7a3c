import { LRUCache } from 'lru-cache'
import type { CachedEntry, CacheStore } from '../../ports/cache-store.ts'

export interface InProcessCacheOptions {
  /** Most entries held at once. */
  maxEntries: number
  /** Most bytes of keys and values held at once (UTF-16: two bytes per code unit). */
  maxBytes: number
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

/** The embedded cache: bounded by count and size, lost with the process. */
export function createInProcessCache({
  maxEntries,
  maxBytes,
  now = Date.now,
}: InProcessCacheOptions): CacheStore {
  // Without `max`, for which lru-cache allocates memory for all entries at once.
  const entries = new LRUCache<string, CachedEntry & { expiresAt: number }>({
    maxSize: maxBytes,
    sizeCalculation: ({ value }, key) => sizeOf(key, value),
  })
  return {
    kind: 'in-process',
    async get(key) {
      const entry = entries.get(key)
      if (entry && now() < entry.expiresAt) return { value: entry.value, storedAt: entry.storedAt }
      entries.delete(key)
      return undefined
    },
    async set(key, value, ttlMs) {
      const size = sizeOf(key, value)
      if (size > maxBytes) {
        throw new RangeError(`cache value: expected at most ${maxBytes} bytes, got ${size}`)
      }
      const storedAt = now()
      entries.set(key, { value, storedAt, expiresAt: storedAt + ttlMs })
      if (entries.size > maxEntries) entries.pop()
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

/** Bytes, with the overhead of an entry. */
function sizeOf(key: string, value: string): number {
  return 2 * (value.length + key.length) + 64
}

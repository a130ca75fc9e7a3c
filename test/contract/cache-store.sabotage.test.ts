import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import { type Clock, stoppedClock } from '../helpers/clock.ts'
import { CACHE_CASES, type CacheSubject, MAX_BYTES, MAX_ENTRIES } from './cache-store.ts'
import { type Open, type Saboteurs, testSaboteurs } from './contract.ts'

type Sabotage = (honest: CacheStore, clock: Clock) => Partial<CacheStore>

const FOREVER = 1e12

const SABOTEURS: Saboteurs<Sabotage> = {
  'deletes an entry and returns whether it existed': {
    'loses deletes': (honest) => ({ delete: async (key) => (await honest.get(key)) !== undefined }),
    'says yes to every delete': (honest) => ({ delete: async (key) => (await honest.delete(key)) || true }),
  },
  'keeps the last write with its own TTL': {
    'lets the first write win': (honest) => ({
      async set(key, value, ttl) {
        if (!(await honest.get(key))) await honest.set(key, value, ttl)
      },
    }),
  },
  'serves a value until its TTL ends': {
    'ignores the time to live': (honest) => ({ set: (key, value) => honest.set(key, value, FOREVER) }),
    'serves a value one millisecond too long': (honest) => ({
      set: (key, value, ttl) => honest.set(key, value, ttl + 1),
    }),
    'drops a value one millisecond too soon': (honest) => ({
      set: (key, value, ttl) => honest.set(key, value, ttl - 1),
    }),
  },
  'stores the empty string': {
    'takes the empty string for nothing': (honest) => ({
      async get(key) {
        const entry = await honest.get(key)
        return entry?.value ? entry : undefined
      },
    }),
  },
  'treats keys as exact strings': {
    'folds the case of keys': (honest) => ({
      get: (key) => honest.get(key.toLowerCase()),
      set: (key, value, ttl) => honest.set(key.toLowerCase(), value, ttl),
    }),
    'takes a star in a delete for a pattern': (honest) => ({
      async delete(key) {
        if (key !== '*') return await honest.delete(key)
        await honest.close()
        return true
      },
    }),
  },
  'reads a value with its time of storage': {
    'stamps the time of the read': (honest, clock) => ({
      async get(key) {
        const entry = await honest.get(key)
        return entry && { ...entry, storedAt: clock.now() }
      },
    }),
  },
  'bounds the number of entries, least recently used first': {
    'has no bound on entries': () => ({}),
    'evicts first in, first out': (honest) => {
      const keys: string[] = []
      return {
        async set(key, value, ttl) {
          keys.push(key)
          if (keys.length > MAX_ENTRIES) await honest.delete(keys.shift() as string)
          await honest.set(key, value, ttl)
        },
      }
    },
  },
  'bounds the bytes held': {
    'has no bound on bytes': () => ({}),
  },
  'rejects a value above the size limit and keeps the others': {
    'drops an oversize value in silence': (honest) => ({
      set: (key, value, ttl) => honest.set(key, value, ttl).catch(() => {}),
    }),
  },
}

/** Bounds of the honest cache below a fault. */
const BOUNDS: Record<string, { maxEntries?: number; maxBytes?: number }> = {
  'has no bound on entries': { maxEntries: 10_000 },
  'has no bound on bytes': { maxBytes: 100 * MAX_BYTES },
  'evicts first in, first out': { maxEntries: 10_000 },
}

const openSabotaged =
  (sabotage: Sabotage = () => ({}), fault: string): Open<CacheSubject> =>
  async () => {
    const clock = stoppedClock()
    const bounds = { maxEntries: MAX_ENTRIES, maxBytes: MAX_BYTES, ...BOUNDS[fault] }
    const honest = createInProcessCache({ ...bounds, now: clock.now })
    return {
      subject: { store: { ...honest, ...sabotage(honest, clock) }, clock },
      close: () => honest.close(),
    }
  }

testSaboteurs('cache stores', CACHE_CASES, SABOTEURS, openSabotaged)

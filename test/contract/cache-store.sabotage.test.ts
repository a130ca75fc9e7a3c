import { describe, expect, it } from 'vitest'
import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import { type Clock, stoppedClock } from '../helpers/clock.ts'
import { CACHE_CASES, type CacheSubject, MAX_BYTES, MAX_ENTRIES } from './cache-store.ts'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'

type Sabotage = (honest: CacheStore, clock: Clock) => Partial<CacheStore>

const FOREVER = 1e12

const SABOTEURS: {
  name: string
  caughtBy: string
  sabotage: Sabotage
  bounds?: { maxEntries?: number; maxBytes?: number }
}[] = [
  {
    name: 'loses deletes',
    caughtBy: 'answers a delete with whether there was a living entry, and then it is gone',
    sabotage: (honest) => ({ delete: async (key) => (await honest.get(key)) !== undefined }),
  },
  {
    name: 'says yes to every delete',
    caughtBy: 'answers a delete with whether there was a living entry, and then it is gone',
    sabotage: (honest) => ({ delete: async (key) => (await honest.delete(key)) || true }),
  },
  {
    name: 'lets the first write win',
    caughtBy: 'lets the last write win, with its own time to live',
    sabotage: (honest) => ({
      async set(key, value, ttl) {
        if (!(await honest.get(key))) await honest.set(key, value, ttl)
      },
    }),
  },
  {
    name: 'ignores the time to live',
    caughtBy: 'serves a value to the last millisecond of its life and not in the next',
    sabotage: (honest) => ({ set: (key, value) => honest.set(key, value, FOREVER) }),
  },
  {
    name: 'serves a value one millisecond too long',
    caughtBy: 'serves a value to the last millisecond of its life and not in the next',
    sabotage: (honest) => ({ set: (key, value, ttl) => honest.set(key, value, ttl + 1) }),
  },
  {
    name: 'drops a value one millisecond too soon',
    caughtBy: 'serves a value to the last millisecond of its life and not in the next',
    sabotage: (honest) => ({ set: (key, value, ttl) => honest.set(key, value, ttl - 1) }),
  },
  {
    name: 'takes the empty string for nothing',
    caughtBy: 'holds the empty string as a value',
    sabotage: (honest) => ({
      async get(key) {
        const entry = await honest.get(key)
        return entry?.value ? entry : undefined
      },
    }),
  },
  {
    name: 'folds the case of keys',
    caughtBy: 'takes keys exactly as they are',
    sabotage: (honest) => ({
      get: (key) => honest.get(key.toLowerCase()),
      set: (key, value, ttl) => honest.set(key.toLowerCase(), value, ttl),
    }),
  },
  {
    name: 'takes a star in a delete for a pattern',
    caughtBy: 'takes keys exactly as they are',
    sabotage: (honest) => ({
      async delete(key) {
        if (key !== '*') return await honest.delete(key)
        await honest.close()
        return true
      },
    }),
  },
  {
    name: 'stamps the time of the read',
    caughtBy: 'reads back a value with the time it was stored at',
    sabotage: (honest, clock) => ({
      async get(key) {
        const entry = await honest.get(key)
        return entry && { ...entry, storedAt: clock.now() }
      },
    }),
  },
  {
    name: 'has no bound on entries',
    caughtBy: 'bounds the number of entries, least recently used first',
    sabotage: () => ({}),
    bounds: { maxEntries: 10_000 },
  },
  {
    name: 'has no bound on bytes',
    caughtBy: 'bounds the bytes held',
    sabotage: () => ({}),
    bounds: { maxBytes: 100 * MAX_BYTES },
  },
  {
    name: 'evicts first in, first out',
    caughtBy: 'bounds the number of entries, least recently used first',
    sabotage: (honest) => {
      const keys: string[] = []
      return {
        async set(key, value, ttl) {
          keys.push(key)
          if (keys.length > MAX_ENTRIES) await honest.delete(keys.shift() as string)
          await honest.set(key, value, ttl)
        },
      }
    },
    bounds: { maxEntries: 10_000 },
  },
  {
    name: 'drops an oversize value in silence',
    caughtBy: 'refuses a value that is larger than the whole cache and keeps the rest',
    sabotage: (honest) => ({ set: (key, value, ttl) => honest.set(key, value, ttl).catch(() => {}) }),
  },
]

function openSabotaged(
  sabotage: Sabotage,
  bounds: { maxEntries?: number; maxBytes?: number } = {},
): Open<CacheSubject> {
  return async () => {
    const clock = stoppedClock()
    const honest = createInProcessCache({
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      ...bounds,
      now: clock.now,
    })
    return {
      subject: { store: { ...honest, ...sabotage(honest, clock) }, clock },
      close: () => honest.close(),
    }
  }
}

describe('the contract of cache stores notices an adapter that', () => {
  it.each(SABOTEURS)('$name', async ({ caughtBy, sabotage, bounds }) => {
    await expect(tryCase(caseNamed(CACHE_CASES, caughtBy), openSabotaged(sabotage, bounds))).rejects.toThrow()
  })

  it('does nothing of the kind, without a complaint', async () => {
    expect(
      await failedCases(
        CACHE_CASES,
        openSabotaged(() => ({})),
      ),
    ).toEqual([])
  })
})

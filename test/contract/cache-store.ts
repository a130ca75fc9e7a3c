import { expect } from 'vitest'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import type { Case } from './contract.ts'

/** A store of at most `MAX_ENTRIES` entries and about `MAX_BYTES` bytes, on a clock that the case moves. */
export interface CacheSubject {
  store: CacheStore
  clock: { now: () => number; advance: (milliseconds: number) => void | Promise<void> }
  /** How exactly the clock can be moved, milliseconds; 1 unless told. */
  grainMs?: number
}

export const MAX_ENTRIES = 50
export const MAX_BYTES = 100_000

/** Cases of stores that bound themselves. Where a server does that its own tests look at what comes of it. */
export const OWN_BOUNDS: readonly string[] = [
  'bounds the number of entries, least recently used first',
  'bounds the bytes held',
]

const DAY = 86_400_000

export const CACHE_CASES: readonly Case<CacheSubject>[] = [
  {
    name: 'returns nothing for an unknown key',
    async run({ store }) {
      expect(await store.get('x')).toBeUndefined()
    },
  },
  {
    name: 'reads a value with its time of storage',
    async run({ store, clock }) {
      const storedAt = clock.now()
      await store.set('x', 'naïve 東京 \u0000 😀', DAY)
      await clock.advance(1000)
      expect(await store.get('x')).toEqual({ value: 'naïve 東京 \u0000 😀', storedAt })
    },
  },
  {
    name: 'keeps the last write with its own TTL',
    async run({ store, clock, grainMs = 1 }) {
      await store.set('x', 'first', 1000 * grainMs)
      await clock.advance(500 * grainMs)
      await store.set('x', 'second', 1000 * grainMs)
      await clock.advance(700 * grainMs)
      expect(await store.get('x')).toEqual({ value: 'second', storedAt: clock.now() - 700 * grainMs })
      await store.set('x', 'third', 10 * grainMs)
      await clock.advance(10 * grainMs)
      expect(await store.get('x')).toBeUndefined()
    },
  },
  {
    name: 'serves a value until its TTL ends',
    async run({ store, clock, grainMs = 1 }) {
      await store.set('x', 'v', 1000 * grainMs)
      await clock.advance(999 * grainMs)
      expect((await store.get('x'))?.value).toBe('v')
      await clock.advance(grainMs)
      expect(await store.get('x')).toBeUndefined()
    },
  },
  {
    name: 'stores the empty string',
    async run({ store }) {
      await store.set('x', '', DAY)
      expect((await store.get('x'))?.value).toBe('')
      expect(await store.delete('x')).toBe(true)
    },
  },
  {
    name: 'treats keys as exact strings',
    async run({ store }) {
      const keys = ['a', 'A', ' a', 'a ', 'a*', '*', 'a?', '[a]', 'a:b', 'a/b', 'é', 'e\u0301', '%61', '']
      for (const key of keys) await store.set(key, `of ${key}`, DAY)
      for (const key of keys) expect((await store.get(key))?.value).toBe(`of ${key}`)
      expect(await store.delete('*')).toBe(true)
      for (const key of keys.filter((one) => one !== '*'))
        expect((await store.get(key))?.value).toBe(`of ${key}`)
    },
  },
  {
    name: 'deletes an entry and returns whether it existed',
    async run({ store, clock, grainMs = 1 }) {
      expect(await store.delete('x')).toBe(false)
      await store.set('x', 'v', 1000 * grainMs)
      expect(await store.delete('x')).toBe(true)
      expect(await store.get('x')).toBeUndefined()
      expect(await store.delete('x')).toBe(false)
      await store.set('x', 'v', 1000 * grainMs)
      await clock.advance(1000 * grainMs)
      expect(await store.delete('x')).toBe(false)
    },
  },
  {
    name: 'bounds the number of entries, least recently used first',
    async run({ store }) {
      for (let i = 0; i < MAX_ENTRIES; i++) await store.set(`k${i}`, 'v', DAY)
      await store.get('k0')
      for (let i = 0; i < MAX_ENTRIES - 1; i++) await store.set(`n${i}`, 'v', DAY)
      expect(await store.get('k0')).toBeDefined()
      expect(await store.get('k1')).toBeUndefined()
      expect(await heldOf(store, [...keys('k'), ...keys('n')])).toBeLessThanOrEqual(MAX_ENTRIES)
    },
  },
  {
    name: 'bounds the bytes held',
    async run({ store }) {
      const value = 'v'.repeat(MAX_BYTES / 20)
      for (const key of keys('k')) await store.set(key, value, DAY)
      const held = await heldOf(store, keys('k'))
      expect(held).toBeGreaterThan(1)
      expect(held * value.length).toBeLessThanOrEqual(MAX_BYTES)
    },
  },
  {
    name: 'rejects a value above the size limit and keeps the others',
    async run({ store }) {
      await store.set('x', 'small', DAY)
      await store.set('y', 'small', DAY)
      await expect(store.set('x', 'v'.repeat(MAX_BYTES + 1), DAY)).rejects.toThrow(RangeError)
      expect((await store.get('y'))?.value).toBe('small')
    },
  },
  {
    name: 'resolves a check while it is open',
    async run({ store }) {
      await expect(store.check()).resolves.toBeUndefined()
    },
  },
]

function keys(prefix: string): string[] {
  return Array.from({ length: MAX_ENTRIES }, (_, i) => `${prefix}${i}`)
}

async function heldOf(store: CacheStore, of: readonly string[]): Promise<number> {
  const entries = await Promise.all(of.map((key) => store.get(key)))
  return entries.filter((entry) => entry !== undefined).length
}

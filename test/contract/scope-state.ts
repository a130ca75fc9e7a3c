import { expect } from 'vitest'
import type { Case } from './contract.ts'
import { COUNTER_CASES } from './scope-state-counters.ts'
import { LEASE_CASES, TURN_CASES } from './scope-state-notes.ts'
import { MAX_BYTES, MAX_ENTRIES, type ScopeStateSubject } from './scope-state-subject.ts'

/** Cases of a state that bounds itself. */
export const OWN_BOUNDS: readonly string[] = [
  'bounds the number of blocks, least recently used first',
  'bounds the bytes of blocks',
]

const DAY = 86_400_000

/** Names that a careless adapter takes for one another, or for a pattern. */
const ODD = [
  'a',
  'A',
  'a/b',
  'a%2Fb',
  'a:b',
  'ab',
  ' a',
  'a*',
  '*',
  '{a}',
  'a}b',
  'a%7Db',
  'é',
  'e\u0301',
  '',
]

export const SCOPE_STATE_CASES: readonly Case<ScopeStateSubject>[] = [
  ...COUNTER_CASES,
  {
    name: 'reads a block with its time of storage and the current counters',
    async run({ state, peer, clock }) {
      const begun = await state.counters('s')
      expect(await state.read('s', 'k')).toEqual({ counters: begun, block: undefined })
      const storedAt = clock.now()
      expect(await state.fill('s', 'k', 'naïve 東京 \u0000 :😀', DAY, begun)).toBe(true)
      await clock.advance(1000)
      const counters = await state.bump('s', 'epoch')
      const block = { value: 'naïve 東京 \u0000 :😀', storedAt }
      expect(await state.read('s', 'k')).toEqual({ counters, block })
      expect(await peer.read('s', 'k')).toEqual({ counters, block })
      await state.fill('s', 'k', '', DAY, begun)
      expect((await state.read('s', 'k')).block?.value).toBe('')
    },
  },
  {
    name: 'reads the block that any process filled last',
    async run({ state, peer, clock, grainMs = 1 }) {
      const begun = await state.counters('s')
      const values = ['one', 'two', 'two', 'one', '', 'one and more']
      for (const [i, value] of values.entries()) {
        const storedAt = clock.now()
        await (i % 2 === 0 ? state : peer).fill('s', 'k', value, DAY, begun)
        for (const one of [state, peer, state]) {
          expect((await one.read('s', 'k')).block).toEqual({ value, storedAt })
        }
        await clock.advance(grainMs)
      }
      const counters = await peer.bump('s', 'fence')
      expect(await state.read('s', 'k')).toEqual({ counters, block: undefined, isFenced: true })
      await peer.fill('s', 'k', 'one', DAY, counters)
      expect((await state.read('s', 'k')).block?.value).toBe('one')
    },
  },
  {
    name: 'hides a block from before a fence and reports it as fenced',
    async run({ state, peer }) {
      await state.fill('s', 'k', 'v', DAY, await state.counters('s'))
      const counters = await peer.bump('s', 'fence')
      expect(await state.read('s', 'k')).toEqual({ counters, block: undefined, isFenced: true })
      expect(await state.read('s', 'none')).toEqual({ counters, block: undefined })
    },
  },
  {
    name: 'rejects a block whose construction started before a fence',
    async run({ state, peer }) {
      const begun = await state.counters('s')
      const counters = await peer.bump('s', 'fence')
      await state.fill('s', 'k', 'of now', DAY, counters)
      expect(await state.fill('s', 'k', 'of then', DAY, begun)).toBe(false)
      expect((await state.read('s', 'k')).block?.value).toBe('of now')
    },
  },
  {
    name: 'stores a block whose construction started before an epoch change',
    async run({ state }) {
      const begun = await state.counters('s')
      await state.bump('s', 'epoch')
      expect(await state.fill('s', 'k', 'v', DAY, begun)).toBe(true)
      expect((await state.read('s', 'k')).block?.value).toBe('v')
    },
  },
  {
    name: 'reads a block and its counters atomically',
    async run({ state, peer }) {
      let writing = true
      const write = async () => {
        for (let i = 0; i < 60; i++) {
          const counters = await state.bump('s', 'fence')
          await state.fill('s', 'k', String(counters.fence), DAY, counters)
        }
        writing = false
      }
      const read = async () => {
        while (writing) {
          const { counters, block } = await peer.read('s', 'k')
          if (block) expect(Number(block.value)).toBe(counters.fence)
        }
      }
      await Promise.all([write(), read(), read()])
    },
  },
  {
    name: 'serves a block until its TTL ends',
    async run({ state, clock, grainMs = 1 }) {
      const begun = await state.counters('s')
      await state.fill('s', 'k', 'first', 10 * grainMs, begun)
      await state.fill('s', 'k', 'v', 1000 * grainMs, begun)
      await clock.advance(999 * grainMs)
      expect((await state.read('s', 'k')).block?.value).toBe('v')
      await clock.advance(grainMs)
      expect((await state.read('s', 'k')).block).toBeUndefined()
    },
  },
  {
    name: 'treats scopes and keys as exact strings',
    async run({ state }) {
      for (const scope of ODD) {
        await state.bump(scope, 'fence')
        for (const key of ['', 'b', 'b/'])
          await state.fill(scope, key, `${scope}|${key}`, DAY, await state.counters(scope))
      }
      for (const scope of ODD)
        for (const key of ['', 'b', 'b/'])
          expect((await state.read(scope, key)).block?.value).toBe(`${scope}|${key}`)
    },
  },
  {
    name: 'clears the blocks and turns of one scope only, and moves its fence',
    async run({ state, peer }) {
      for (const scope of ODD) {
        await state.fill(scope, 'k', scope, DAY, await state.counters(scope))
        await state.noteTurn(scope, 'c', 1, 'added', 1)
      }
      const begun = await state.counters('a')
      await state.fill('a', 'l', 'v', DAY, begun)
      const counters = await peer.clear('a')
      expect(counters).toEqual({ epoch: begun.epoch + 1, fence: begun.fence + 1 })
      for (const key of ['k', 'l']) expect(await state.read('a', key)).toEqual({ counters, block: undefined })
      expect(await state.turns('a', 'c')).toEqual([])
      expect(await state.fill('a', 'k', 'v', DAY, begun)).toBe(false)
      for (const scope of ODD.filter((one) => one !== 'a')) {
        expect((await state.read(scope, 'k')).block?.value).toBe(scope)
        expect(await state.turns(scope, 'c')).toHaveLength(1)
      }
    },
  },
  {
    name: 'rejects a block above the size limit and keeps the others',
    async run({ state }) {
      const begun = await state.counters('s')
      await state.fill('s', 'k', 'small', DAY, begun)
      await expect(state.fill('s', 'l', 'v'.repeat(MAX_BYTES + 1), DAY, begun)).rejects.toThrow(RangeError)
      expect((await state.read('s', 'k')).block?.value).toBe('small')
    },
  },
  {
    name: 'bounds the number of blocks, least recently used first',
    async run({ state }) {
      const begun = await state.counters('s')
      for (let i = 0; i < MAX_ENTRIES; i++) await state.fill('s', `k${i}`, 'v', DAY, begun)
      await state.read('s', 'k0')
      for (let i = 0; i < MAX_ENTRIES - 1; i++) await state.fill('s', `n${i}`, 'v', DAY, begun)
      expect((await state.read('s', 'k0')).block).toBeDefined()
      expect((await state.read('s', 'k1')).block).toBeUndefined()
    },
  },
  {
    name: 'bounds the bytes of blocks',
    async run({ state }) {
      const begun = await state.counters('s')
      const value = 'v'.repeat(MAX_BYTES / 20)
      for (let i = 0; i < MAX_ENTRIES; i++) await state.fill('s', `k${i}`, value, DAY, begun)
      const reads = Array.from({ length: MAX_ENTRIES }, (_, i) => state.read('s', `k${i}`))
      const held = (await Promise.all(reads)).filter(({ block }) => block).length
      expect(held).toBeGreaterThan(1)
      expect(held * value.length).toBeLessThanOrEqual(MAX_BYTES)
    },
  },
  {
    name: 'resolves a check while it is open',
    async run({ state }) {
      await expect(state.check()).resolves.toBeUndefined()
    },
  },
  ...LEASE_CASES,
  ...TURN_CASES,
]

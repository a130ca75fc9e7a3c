import { expect } from 'vitest'
import type { Case } from './contract.ts'
import type { ScopeStateSubject } from './scope-state-subject.ts'

const DAY = 86_400_000

export const COUNTER_CASES: readonly Case<ScopeStateSubject>[] = [
  {
    name: 'starts counters at the clock in microseconds and moves them only with a change',
    async run({ state, peer }) {
      const begun = await state.counters('s')
      for (const one of [begun.epoch, begun.fence]) {
        expect(one).toBeGreaterThan(1e15)
        expect(Number.isSafeInteger(one)).toBe(true)
      }
      await state.read('s', 'k')
      await state.fill('s', 'k', 'v', DAY, begun)
      await state.noteTurn('s', 'c', 1, 'added', 1)
      expect(await state.counters('s')).toEqual(begun)
      expect(await peer.counters('s')).toEqual(begun)
    },
  },
  {
    name: 'moves the epoch with a change, and both counters with a fence',
    async run({ state, peer }) {
      const { epoch, fence } = await state.counters('s')
      expect(await peer.bump('s', 'epoch')).toEqual({ epoch: epoch + 1, fence })
      expect(await state.bump('s', 'fence')).toEqual({ epoch: epoch + 2, fence: fence + 1 })
      expect(await peer.counters('s')).toEqual({ epoch: epoch + 2, fence: fence + 1 })
    },
  },
  {
    name: 'counts every one of many concurrent changes',
    async run({ state, peer }) {
      const { epoch, fence } = await state.counters('s')
      const moved = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? state : peer).bump('s', i % 4 ? 'epoch' : 'fence')),
      )
      expect(new Set(moved.map((one) => one.epoch)).size).toBe(40)
      expect(await state.counters('s')).toEqual({ epoch: epoch + 40, fence: fence + 10 })
    },
  },
  {
    name: 'restarts lost counters above all previous values',
    async run({ state, evictCounters }) {
      await state.counters('s')
      for (let i = 0; i < 5; i++) await state.bump('s', 'fence')
      const before = await state.counters('s')
      await state.fill('s', 'k', 'from before', DAY, before)
      await evictCounters('s')
      expect(await state.fill('s', 'k', 'begun before', DAY, before)).toBe(false)
      const { counters, block } = await state.read('s', 'k')
      expect(block).toBeUndefined()
      expect(counters.fence).toBeGreaterThan(before.fence)
      expect(counters.epoch).toBeGreaterThan(before.epoch)
      expect(await state.counters('s')).toEqual(counters)
    },
  },
]

import { expect } from 'vitest'
import type { Case } from './contract.ts'
import { MAX_BYTES, type ScopeStateSubject } from './scope-state-subject.ts'

const DAY = 86_400_000

/** No text: not UTF-8, and with a zero. */
const BYTES = Uint8Array.from([0, 255, 10, 13, 128, 237, 160, 128, 0])

export const SNAPSHOT_CASES: readonly Case<ScopeStateSubject>[] = [
  {
    name: 'reads back a snapshot to the byte, with the counters of now',
    async run({ state, peer }) {
      const counters = await state.counters('s')
      expect(await state.readSnapshot('s', undefined)).toEqual({ counters, value: undefined })
      const given = BYTES.slice()
      expect(await state.fillSnapshot('s', given, DAY, counters.epoch)).toBe(true)
      given.fill(7)
      for (const one of [state, peer]) {
        const read = await one.readSnapshot('s', counters.epoch - 1)
        expect(read.counters).toEqual(counters)
        expect([...(read.value ?? [])]).toEqual([...BYTES])
      }
      expect(await state.fillSnapshot('s', new Uint8Array(), DAY, counters.epoch)).toBe(true)
      expect((await peer.readSnapshot('s', undefined)).value).toHaveLength(0)
    },
  },
  {
    name: 'sends no snapshot to one who has that of now',
    async run({ state, peer }) {
      const counters = await state.counters('s')
      await state.fillSnapshot('s', BYTES, DAY, counters.epoch)
      expect(await peer.readSnapshot('s', counters.epoch)).toEqual({ counters, value: undefined })
    },
  },
  {
    name: 'reads no snapshot from before a change, whether it added or removed',
    async run({ state, peer }) {
      for (const what of ['epoch', 'fence'] as const) {
        const { epoch } = await state.counters('s')
        await state.fillSnapshot('s', BYTES, DAY, epoch)
        const counters = await peer.bump('s', what)
        expect(await state.readSnapshot('s', epoch)).toEqual({ counters, value: undefined })
      }
    },
  },
  {
    name: 'stores no snapshot that was begun before a change, and leaves the one of now',
    async run({ state, peer }) {
      const begun = await state.counters('s')
      const { epoch } = await peer.bump('s', 'epoch')
      await peer.fillSnapshot('s', Uint8Array.of(2), DAY, epoch)
      expect(await state.fillSnapshot('s', Uint8Array.of(1), DAY, begun.epoch)).toBe(false)
      expect([...((await state.readSnapshot('s', undefined)).value ?? [])]).toEqual([2])
    },
  },
  {
    name: 'reads no snapshot under counters that were lost',
    async run({ state, evictCounters }) {
      const { epoch } = await state.counters('s')
      await state.fillSnapshot('s', BYTES, DAY, epoch)
      await evictCounters('s')
      const read = await state.readSnapshot('s', epoch)
      expect(read.counters.epoch).toBeGreaterThan(epoch)
      expect(read.value).toBeUndefined()
    },
  },
  {
    name: 'keeps the snapshots of scopes apart, and from blocks and turns',
    async run({ state }) {
      const scopes = ['a', 'A', 'a/b', 'a%2Fb', '{a}', 'snapshot', '']
      for (const [i, scope] of scopes.entries()) {
        const counters = await state.counters(scope)
        await state.fillSnapshot(scope, Uint8Array.of(i), DAY, counters.epoch)
        await state.fill(scope, 'snapshot', 'v', DAY, counters)
        await state.noteTurn(scope, 'snapshot', 1, 'added', 1)
      }
      for (const [i, scope] of scopes.entries()) {
        expect([...((await state.readSnapshot(scope, undefined)).value ?? [])]).toEqual([i])
        expect((await state.read(scope, 'snapshot')).block?.value).toBe('v')
      }
    },
  },
  {
    name: 'serves a snapshot to the last millisecond of its life and not in the next',
    async run({ state, clock, grainMs = 1 }) {
      const { epoch } = await state.counters('s')
      await state.fillSnapshot('s', BYTES, 1000 * grainMs, epoch)
      await clock.advance(999 * grainMs)
      expect((await state.readSnapshot('s', undefined)).value).toBeDefined()
      await clock.advance(grainMs)
      expect((await state.readSnapshot('s', undefined)).value).toBeUndefined()
    },
  },
  {
    name: 'clears the snapshot of one scope and of no other',
    async run({ state, peer }) {
      for (const scope of ['a', 'b']) {
        await state.fillSnapshot(scope, BYTES, DAY, (await state.counters(scope)).epoch)
      }
      const counters = await peer.clear('a')
      expect(await state.readSnapshot('a', undefined)).toEqual({ counters, value: undefined })
      expect((await state.readSnapshot('b', undefined)).value).toBeDefined()
    },
  },
  {
    name: 'refuses a snapshot that is larger than the whole state and keeps the one there is',
    async run({ state }) {
      const { epoch } = await state.counters('s')
      await state.fillSnapshot('s', BYTES, DAY, epoch)
      const large = new Uint8Array(MAX_BYTES + 1)
      await expect(state.fillSnapshot('s', large, DAY, epoch)).rejects.toThrow(RangeError)
      expect((await state.readSnapshot('s', undefined)).value).toHaveLength(BYTES.length)
    },
  },
]

import { expect } from 'vitest'
import { MAX_TURNS } from '../../sidecar/ports/scope-state.ts'
import type { Case } from './contract.ts'
import type { ScopeStateSubject } from './scope-state-subject.ts'

const DAY = 86_400_000
const TURNS_TTL_MS = 7 * DAY

export const LEASE_CASES: readonly Case<ScopeStateSubject>[] = [
  {
    name: 'grants a lease to one of many concurrent requests',
    async run({ state, peer }) {
      const asked = Array.from({ length: 20 }, (_, i) => (i % 2 ? state : peer).lease('s', 'k', DAY))
      const held = (await Promise.all(asked)).filter((one) => one !== undefined)
      expect(held).toHaveLength(1)
      for (const [scope, key] of [
        ['t', 'k'],
        ['s', 'l'],
      ] as const)
        expect(await peer.lease(scope, key, DAY)).toBeDefined()
    },
  },
  {
    name: 'grants a released lease again',
    async run({ state, peer }) {
      const first = await state.lease('s', 'k', DAY)
      expect(await peer.lease('s', 'k', DAY)).toBeUndefined()
      await first?.release()
      expect(await peer.lease('s', 'k', DAY)).toBeDefined()
    },
  },
  {
    name: 'expires a lease when its TTL ends',
    async run({ state, peer, clock, grainMs = 1 }) {
      await state.lease('s', 'k', 1000 * grainMs)
      await clock.advance(999 * grainMs)
      expect(await peer.lease('s', 'k', DAY)).toBeUndefined()
      await clock.advance(grainMs)
      expect(await peer.lease('s', 'k', DAY)).toBeDefined()
    },
  },
  {
    name: 'never releases the lease of another holder',
    async run({ state, peer, clock, grainMs = 1 }) {
      const late = await state.lease('s', 'k', 10 * grainMs)
      await clock.advance(10 * grainMs)
      const held = await peer.lease('s', 'k', DAY)
      await late?.release()
      expect(await state.lease('s', 'k', DAY)).toBeUndefined()
      await held?.release()
      await held?.release()
      expect(await state.lease('s', 'k', DAY)).toBeDefined()
    },
  },
]

export const TURN_CASES: readonly Case<ScopeStateSubject>[] = [
  {
    name: 'returns when each turn was recalled and added, by turn',
    async run({ state, peer }) {
      expect(await state.turns('s', 'c')).toEqual([])
      await state.noteTurn('s', 'c', 10, 'recalled', 1_772_355_600_500)
      await peer.noteTurn('s', 'c', 9, 'added', 1_772_355_600_400)
      await peer.noteTurn('s', 'c', 10, 'added', 1_772_355_600_600)
      const turns = [
        { turn: 9, recalledAt: null, addedAt: 1_772_355_600_400 },
        { turn: 10, recalledAt: 1_772_355_600_500, addedAt: 1_772_355_600_600 },
      ]
      expect(await state.turns('s', 'c')).toEqual(turns)
      expect(await peer.turns('s', 'c')).toEqual(turns)
    },
  },
  {
    name: 'notes a recalled turn with a read',
    async run({ state, peer }) {
      await state.noteTurn('s', 'c', 3, 'added', 4)
      const counters = await state.counters('s')
      expect(await state.read('s', 'k', { conversation: 'c', turn: 3, at: 7 })).toEqual({
        counters,
        block: undefined,
      })
      await state.fill('s', 'k', 'v', DAY, counters)
      const read = await state.read('s', 'k', { conversation: 'c', turn: 4, at: 9 })
      expect(read).toMatchObject({ counters, block: { value: 'v' } })
      await state.read('s', 'k', { conversation: 'c', turn: 4, at: 8 })
      await state.read('s', 'k')
      expect(await peer.turns('s', 'c')).toEqual([
        { turn: 3, recalledAt: 7, addedAt: 4 },
        { turn: 4, recalledAt: 9, addedAt: null },
      ])
    },
  },
  {
    name: 'keeps the latest of several times of one turn, in any order of arrival',
    async run({ state }) {
      for (const at of [5, 9, 7]) await state.noteTurn('s', 'c', 1, 'recalled', at)
      expect(await state.turns('s', 'c')).toEqual([{ turn: 1, recalledAt: 9, addedAt: null }])
    },
  },
  {
    name: 'keeps only the latest turns of a conversation',
    async run({ state }) {
      const last = MAX_TURNS + 40
      for (let turn = 1; turn <= last; turn++) await state.noteTurn('s', 'c', turn, 'recalled', turn)
      await state.noteTurn('s', 'c', 2, 'added', 1)
      const turns = (await state.turns('s', 'c')).map(({ turn }) => turn)
      expect(turns).toEqual(Array.from({ length: MAX_TURNS }, (_, i) => 41 + i))
    },
  },
  {
    name: 'stores every one of many concurrent notes',
    async run({ state, peer }) {
      const notes = Array.from({ length: MAX_TURNS }, (_, i) => [
        state.noteTurn('s', 'c', i + 1, 'recalled', 1),
        peer.noteTurn('s', 'c', i + 1, 'added', 2),
      ])
      await Promise.all(notes.flat())
      const turns = await state.turns('s', 'c')
      expect(turns).toHaveLength(MAX_TURNS)
      for (const one of turns) expect(one).toMatchObject({ recalledAt: 1, addedAt: 2 })
    },
  },
  {
    name: 'keeps the turns of conversations apart',
    async run({ state }) {
      await state.noteTurn('s', 'c', 1, 'recalled', 1)
      await state.noteTurn('s', 'd', 2, 'recalled', 1)
      await state.noteTurn('t', 'c', 3, 'recalled', 1)
      expect(await state.turns('s', 'c')).toEqual([{ turn: 1, recalledAt: 1, addedAt: null }])
      expect(await state.turns('s', '')).toEqual([])
    },
  },
  {
    name: 'expires the turns of an idle conversation',
    async run({ state, clock, grainMs = 1 }) {
      await state.noteTurn('s', 'c', 1, 'recalled', 1)
      await clock.advance(TURNS_TTL_MS - grainMs)
      await state.noteTurn('s', 'c', 2, 'recalled', 2)
      await clock.advance(TURNS_TTL_MS - grainMs)
      expect(await state.turns('s', 'c')).toHaveLength(2)
      await clock.advance(grainMs)
      expect(await state.turns('s', 'c')).toEqual([])
    },
  },
  {
    name: 'counts each of many concurrent calls once, and the same call again with its first number',
    async run({ state, peer }) {
      const calls = Array.from({ length: MAX_TURNS }, (_, i) => `call-${i}`)
      const count = (call: string, i: number) => (i % 2 ? state : peer).countTurn('s', 'c', call, 1)
      const twice = [...calls, ...calls].map(count)
      const turns = await Promise.all(twice)
      expect(turns.slice(calls.length)).toEqual(turns.slice(0, calls.length))
      expect(turns.slice(0, calls.length).sort((a, b) => a - b)).toEqual(calls.map((_, i) => i + 1))
    },
  },
  {
    name: 'counts from the least number, per conversation and scope, and never back',
    async run({ state }) {
      expect(await state.countTurn('s', 'c', 'a', 5)).toBe(5)
      expect(await state.countTurn('s', 'c', 'b', 2)).toBe(6)
      expect(await state.countTurn('s', 'c', 'd', 20)).toBe(20)
      expect(await state.countTurn('s', 'c', 'a', 30)).toBe(5)
      expect(await state.countTurn('s', 'd', 'a', 1)).toBe(1)
      expect(await state.countTurn('t', 'c', 'a', 1)).toBe(1)
      for (let i = 0; i < MAX_TURNS; i++) await state.countTurn('s', 'c', `later-${i}`, 1)
      expect(await state.countTurn('s', 'c', 'last', 1)).toBe(21 + MAX_TURNS)
      expect(await state.turns('s', 'c')).toEqual([])
      await state.clear('s')
      expect(await state.countTurn('s', 'c', 'a', 1)).toBe(1)
    },
  },
]

import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import type { ScopeState, StoredBlock } from '../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../helpers/clock.ts'
import { caseNamed, tryCase } from './contract.ts'
import { SCOPE_STATE_CASES } from './scope-state.ts'
import { MAX_BYTES, MAX_ENTRIES } from './scope-state-subject.ts'

/** Replaces methods of a correct state. */
type Sabotage = (state: ScopeState, now: () => number) => Partial<ScopeState>

const FOREVER = 1e15
const firstReads = (): Sabotage => {
  const first = new Map<string, StoredBlock | undefined>()
  return (state) => ({
    async read(scope, key) {
      const read = await state.read(scope, key)
      if (!first.has(key)) first.set(key, read.block)
      return { ...read, block: first.get(key) }
    },
  })
}

/** By fault: the case that detects it, and the fault. */
const FAULTS: Readonly<Record<string, readonly [caughtBy: string, Sabotage]>> = {
  'counters start at 0': [
    'starts counters at the clock in microseconds and moves them only with a change',
    () => ({ counters: async () => ({ epoch: 0, fence: 0 }) }),
  ],
  'lost counters restart at the clock': [
    'restarts lost counters above all previous values',
    (_, now) => ({ counters: async () => ({ epoch: now() * 1000, fence: now() * 1000 }) }),
  ],
  'a fence moves the epoch only': [
    'moves the epoch with a change, and both counters with a fence',
    (state) => ({ bump: (scope) => state.bump(scope, 'epoch') }),
  ],
  'a bump returns the counters from before it': [
    'counts every one of many concurrent changes',
    (state) => ({
      async bump(scope, what) {
        const before = await state.counters(scope)
        void state.bump(scope, what)
        return before
      },
    }),
  ],
  'a fill ignores the fence': [
    'rejects a block whose construction started before a fence',
    (state) => ({
      fill: async (scope, key, value, ttlMs) =>
        await state.fill(scope, key, value, ttlMs, await state.counters(scope)),
    }),
  ],
  'a fill compares the epoch': [
    'stores a block whose construction started before an epoch change',
    (state) => ({
      fill: async (scope, key, value, ttlMs, expected) =>
        (await state.counters(scope)).epoch === expected.epoch &&
        (await state.fill(scope, key, value, ttlMs, expected)),
    }),
  ],
  'a read does not report a fence': [
    'hides a block from before a fence and reports it as fenced',
    (state) => ({
      async read(scope, key) {
        const { counters, block } = await state.read(scope, key)
        return { counters, block }
      },
    }),
  ],
  'a block never expires': [
    'serves a block until its TTL ends',
    (state) => ({
      fill: (scope, key, value, _, expected) => state.fill(scope, key, value, FOREVER, expected),
    }),
  ],
  'a block has the time of its read': [
    'reads a block with its time of storage and the current counters',
    (state, now) => ({
      async read(scope, key) {
        const read = await state.read(scope, key)
        return { ...read, block: read.block && { ...read.block, storedAt: now() } }
      },
    }),
  ],
  'a read returns the first block it saw': ['reads the block that any process filled last', firstReads()],
  'a read notes nothing': [
    'notes a recalled turn with a read',
    (state) => ({ read: (scope, key) => state.read(scope, key) }),
  ],
  'a clear keeps the blocks and turns': [
    'clears the blocks and turns of one scope only, and moves its fence',
    (state) => ({ clear: (scope) => state.bump(scope, 'fence') }),
  ],
  'all scopes share their blocks': [
    'treats scopes and keys as exact strings',
    (state) => ({
      fill: async (_, key, value, ttlMs) =>
        await state.fill('all', key, value, ttlMs, await state.counters('all')),
      read: (_, key, recalled) => state.read('all', key, recalled),
    }),
  ],
  'a block that is too large is dropped silently': [
    'rejects a block above the size limit and keeps the others',
    (state) => ({ fill: (...args) => state.fill(...args).catch(() => true) }),
  ],
  'a lease never expires': [
    'expires a lease when its TTL ends',
    (state) => ({ lease: (scope, key) => state.lease(scope, key, FOREVER) }),
  ],
  'every request gets a lease': [
    'grants a lease to one of many concurrent requests',
    () => ({ lease: async () => ({ release: async () => {} }) }),
  ],
  'a repeated call is counted again': [
    'counts each of many concurrent calls once, and the same call again with its first number',
    (state) => {
      let calls = 0
      return {
        countTurn: (scope, conversation, _, least) =>
          state.countTurn(scope, conversation, `${calls++}`, least),
      }
    },
  ],
  'the least number is ignored': [
    'counts from the least number, per conversation and scope, and never back',
    (state) => ({ countTurn: (scope, conversation, call) => state.countTurn(scope, conversation, call, 1) }),
  ],
  'the order of arrival decides the time of a turn': [
    'keeps the latest of several times of one turn, in any order of arrival',
    (state, now) => ({
      noteTurn: (scope, conversation, turn, what) => state.noteTurn(scope, conversation, turn, what, now()),
    }),
  ],
}

describe('the contract of scope states detects this fault', () => {
  it.each(Object.entries(FAULTS))('%s', async (_, [caughtBy, sabotage]) => {
    const open = async () => {
      const clock = stoppedClock()
      const correct = createInProcessScopeState({
        maxEntries: MAX_ENTRIES,
        maxBytes: MAX_BYTES,
        now: clock.now,
      })
      const state = { ...correct, ...sabotage(correct, clock.now) }
      async function evictCounters(): Promise<void> {
        for (let i = 0; i <= MAX_ENTRIES; i++) await correct.counters(`other ${i}`)
      }
      return { subject: { state, peer: state, clock, evictCounters }, close: async () => {} }
    }
    await expect(tryCase(caseNamed(SCOPE_STATE_CASES, caughtBy), open)).rejects.toThrow()
  })
})

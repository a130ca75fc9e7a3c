import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { testContract } from '../contract.ts'
import { SCOPE_STATE_CASES } from '../scope-state.ts'
import { MAX_BYTES, MAX_ENTRIES } from '../scope-state-subject.ts'

const BOUNDS = { maxEntries: MAX_ENTRIES, maxBytes: MAX_BYTES }
const HOUR = 3_600_000

testContract('the in-process scope state', SCOPE_STATE_CASES, async () => {
  const clock = stoppedClock()
  const state = createInProcessScopeState({ ...BOUNDS, now: clock.now })
  return {
    subject: {
      state,
      peer: state,
      clock,
      async evictCounters() {
        for (let i = 0; i <= MAX_ENTRIES; i++) await state.counters(`other ${i}`)
      },
    },
    close: () => state.close(),
  }
})

describe('the in-process scope state', () => {
  it('begins counters above all others where the clock goes back', async () => {
    const clock = stoppedClock()
    const state = createInProcessScopeState({ ...BOUNDS, maxEntries: 1, now: clock.now })
    const before = await state.bump('a', 'fence')
    await state.fill('a', 'k', 'v', HOUR, before)
    clock.advance(-HOUR)
    await state.counters('b')
    const { counters, block } = await state.read('a', 'k')
    expect(block).toBeUndefined()
    expect(counters.fence).toBeGreaterThan(before.fence)
  })

  it('keeps as many leases as it can hold, and answers for others as if they were taken', async () => {
    const clock = stoppedClock()
    const state = createInProcessScopeState({ ...BOUNDS, now: clock.now })
    for (let i = 0; i < 10_000; i++) await state.lease('s', `k${i}`, i < 5 ? 1000 : HOUR)
    expect(await state.lease('s', 'one more', HOUR)).toBeUndefined()
    clock.advance(1000)
    expect(await state.lease('s', 'one more', HOUR)).toBeDefined()
    expect(await state.lease('s', 'k5', HOUR)).toBeUndefined()
  })
})

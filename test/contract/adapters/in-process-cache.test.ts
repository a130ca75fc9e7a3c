import { describe, expect, it } from 'vitest'
import { createInProcessCache } from '../../../sidecar/adapters/in-process/cache.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { CACHE_CASES, MAX_BYTES, MAX_ENTRIES } from '../cache-store.ts'
import { testContract } from '../contract.ts'

testContract('the in-process cache', CACHE_CASES, async () => {
  const clock = stoppedClock()
  const store = createInProcessCache({ maxEntries: MAX_ENTRIES, maxBytes: MAX_BYTES, now: clock.now })
  return { subject: { store, clock }, close: () => store.close() }
})

describe('the in-process cache', () => {
  it('counts the bytes of keys as well', async () => {
    const store = createInProcessCache({ maxEntries: 10, maxBytes: 1000 })
    await expect(store.set('k'.repeat(1000), '', 1000)).rejects.toThrow(/at most 1000 bytes, got 2064/)
  })
})

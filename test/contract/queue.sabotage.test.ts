import { beforeEach, describe, expect, it, vi } from 'vitest'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { CAUGHT, type Fault, naiveQueue } from './naive-queue.ts'
import { QUEUE_CASES, withPatience } from './queue.ts'
import type { QueueSubject } from './queue-subject.ts'

/** Long for a queue in this process, and short enough to see that something never comes. */
const PATIENCE_MS = 1500

function openNaive(...faults: readonly Fault[]): Open<QueueSubject> {
  return async () => {
    const subject = naiveQueue(...faults)
    return { subject, close: async () => subject.close() }
  }
}

// The naive queue and the contract wait on `Date` and `setTimeout` only. Each timer fires as soon as the process is idle,
// so that waiting takes no real time.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  vi.setTimerTickMode('nextTimerAsync')
  return () => void vi.useRealTimers()
})

describe('the contract of the queue', () => {
  it('accepts the correct queue', async () => {
    expect(await failedCases(QUEUE_CASES, openNaive())).toEqual([])
  })

  it.each(Object.entries(CAUGHT) as [Fault, string][])(
    'detects an adapter that: %s',
    async (fault, name) => {
      const caught = await withPatience(PATIENCE_MS, () =>
        tryCase(caseNamed(QUEUE_CASES, name), openNaive(fault)).then(
          () => false,
          () => true,
        ),
      )
      expect(caught, `"${name}" lets it pass`).toBe(true)
    },
    30_000,
  )
})

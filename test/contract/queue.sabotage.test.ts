import { beforeEach, describe, expect, it, vi } from 'vitest'
import { caseNamed, failedCases, type Open, tryCase } from './contract.ts'
import { type Fault, naiveQueue } from './naive-queue.ts'
import { QUEUE_CASES, withPatience } from './queue.ts'
import type { QueueSubject } from './queue-subject.ts'

/** Long for a queue in this process, and short enough to see that something never comes. */
const PATIENCE_MS = 1500

const CAUGHT: Record<Fault, string> = {
  'a wish is lost now and then': 'keeps a wish when its process dies',
  'a wish is lost when its process dies': 'keeps a wish when its process dies',
  'all is forgotten when the last process ends': 'keeps a wish when its process is closed',
  'a run that was under way is forgotten when its process dies':
    'runs again, in the next process, what was under way when the last one died',
  'a key is run twice at once in a process':
    'runs a key again for a wish that came during its run, and not at the same time',
  'a key is run twice at once in two processes':
    'runs each key once and one at a time, whichever processes work',
  'a run that rejects is not tried again':
    'runs a key again after a pause when the run rejects, until it does not',
  'a run that rejects is tried again at once, without end':
    'runs a key again after a pause when the run rejects, until it does not',
  'a run begins too early': 'runs a key once, at its time or after it and not before',
  'the last wish wins': 'takes several wishes for one, the earliest, whichever comes first',
  'the first wish wins': 'takes several wishes for one, the earliest, whichever comes first',
  'every wish is a run of its own': 'takes several wishes for one, the earliest, whichever comes first',
  'a wish during a run is lost':
    'runs a key again for a wish that came during its run, and not at the same time',
  'a wish during a run is due at once': 'keeps to the time of a wish that came during a run',
  'what a run wants is ignored':
    'runs a key again when the run says so, or earlier where that was wished meanwhile',
  'what a run wants replaces what was wished meanwhile':
    'runs a key again when the run says so, or earlier where that was wished meanwhile',
  'runs are unbounded': 'runs keys side by side, and not more at once than it may',
  'one run at a time': 'is not held up by a run that hangs',
  'keys are folded': 'takes keys exactly as they are',
  'a process that waits sees its own wishes only': 'runs in another process what one only wishes for',
  'close waits for ever': 'does not wait for ever for a run when it is closed',
  'close tells nobody': 'tells runs to stop when it is closed, waits for them, and begins none',
  'what has been given up is done': 'has a run taken over that its process gave up when it closed',
  'a closed queue takes wishes': 'tells runs to stop when it is closed, waits for them, and begins none',
  'a closed queue goes on': 'tells runs to stop when it is closed, waits for them, and begins none',
}

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
  it('is kept by the plain queue', async () => {
    expect(await failedCases(QUEUE_CASES, openNaive())).toEqual([])
  }, 60_000)

  it.each(Object.entries(CAUGHT) as [Fault, string][])(
    'catches it when %s',
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

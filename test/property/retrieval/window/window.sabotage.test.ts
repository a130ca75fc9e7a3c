import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schedule } from '../../../helpers/retrieval/window/schedules/steps.ts'
import { run, type WorldOptions } from '../../../helpers/retrieval/window/schedules/world.ts'
import {
  bumpsEarly,
  fillsLate,
  leavesOutPending,
  restartsAtZero,
  standsStill,
  tellsBefore,
} from './schedules/sabotage.ts'

/** `skip`: schedules of the seed that are known not to show the fault. */
const SABOTAGES: Record<string, { options: () => WorldOptions; message: RegExp; skip?: number }> = {
  'a late fill is stored under the current fence': {
    options: () => ({ sabotage: fillsLate }),
    message: /is deleted but served|is missing/,
  },
  'the fence moves only before the commit': {
    options: () => ({ sabotage: tellsBefore }),
    message: /is deleted but served|is missing/,
  },
  'the epoch moves only before the commit': {
    options: bumpsEarly,
    message: /is missing|uncovered/,
    skip: 620,
  },
  'evicted counters restart at 0': {
    options: () => ({ sabotage: restartsAtZero }),
    message: /is deleted but served|is missing/,
    skip: 1620,
  },
  'additions do not move the epoch': {
    options: () => ({ sabotage: standsStill }),
    message: /is missing|uncovered/,
  },
  'a block is served one turn too long': { options: () => ({ told: (n) => n + 1 }), message: /is missing/ },
  'pending turns are left out of recall': {
    options: () => ({ spoil: leavesOutPending }),
    message: /is missing/,
  },
}

describe('the random schedules detect this fault', () => {
  it.each(Object.entries(SABOTAGES))(
    '%s',
    { timeout: 600_000 },
    async (_name, { options, message, skip = 0 }) => {
      const property = fc.asyncProperty(schedule, async (one) => void (await run(one, options())))
      const outcome = await fc.check(property, {
        ...{ numRuns: 20_000, seed: 1, endOnFailure: true },
        ...(skip > 0 && { path: String(skip) }),
      })
      expect(outcome.failed).toBe(true)
      expect(String(outcome.errorInstance)).toMatch(message)
      console.info(`${_name}: after ${outcome.numRuns} schedules`)
    },
  )
})

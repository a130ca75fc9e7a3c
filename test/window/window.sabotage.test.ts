import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bumpsEarly,
  fillsLate,
  leavesOutPending,
  restartsAtZero,
  standsStill,
  tellsBefore,
} from './schedules/sabotage.ts'
import { schedule } from './schedules/steps.ts'
import { run, type WorldOptions } from './schedules/world.ts'

const SABOTAGES: Record<string, { options: () => WorldOptions; message: RegExp }> = {
  'a fill that is late takes the fence of now': {
    options: () => ({ sabotage: fillsLate }),
    message: /is served|nowhere/,
  },
  'the fence moves before the commit only': {
    options: () => ({ sabotage: tellsBefore }),
    message: /is served|nowhere/,
  },
  'the epoch moves before the commit only': { options: bumpsEarly, message: /nowhere|uncovered/ },
  'evicted counters begin at 0 again': {
    options: () => ({ sabotage: restartsAtZero }),
    message: /is served|nowhere/,
  },
  'nothing minds the holes of a block': {
    options: () => ({ sabotage: standsStill }),
    message: /nowhere|uncovered/,
  },
  'a block lives one turn longer': { options: () => ({ told: (n) => n + 1 }), message: /nowhere/ },
  'words that wait to be learned from are left out': {
    options: () => ({ spoil: leavesOutPending }),
    message: /nowhere/,
  },
}

describe('the schedules notice that', () => {
  it.each(Object.entries(SABOTAGES))('%s', { timeout: 600_000 }, async (_name, { options, message }) => {
    const property = fc.asyncProperty(schedule, async (one) => void (await run(one, options())))
    const outcome = await fc.check(property, { numRuns: 20_000, seed: 1, endOnFailure: true })
    expect(outcome.failed).toBe(true)
    expect(String(outcome.errorInstance)).toMatch(message)
    console.info(`${_name}: after ${outcome.numRuns} schedules`)
  })
})

import fc from 'fast-check'
import { schedule } from './steps.ts'
import { run, type Tally, type WorldOptions } from './world.ts'

/** Runs random schedules, each in a fresh world, and counts the outcomes of their recalls. */
export async function runSchedules(
  schedules: number,
  seed: number,
  options: () => WorldOptions = () => ({}),
): Promise<Tally> {
  const tally: Tally = {}
  await fc.assert(
    fc.asyncProperty(schedule, async (one) => {
      for (const [outcome, count] of Object.entries(await run(one, options())))
        tally[outcome] = (tally[outcome] ?? 0) + count
    }),
    { numRuns: schedules, seed },
  )
  return tally
}

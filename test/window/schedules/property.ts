import fc from 'fast-check'
import { expect, it } from 'vitest'
import { schedule } from './steps.ts'
import { run, type Tally, type WorldOptions } from './world.ts'

/** Files among which the schedules are shared, so that they run side by side. */
const PARTS = 4
const ALL = Number(process.env['WINDOW_SCHEDULES'] ?? 10_000)
const SEED = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

/** One part of the schedules, from a seed of its own that it prints. */
export function testSchedules(part: number): void {
  const schedules = Math.ceil(ALL / PARTS)
  it(`over ${schedules} schedules nothing is hidden and nothing deleted is served`, {
    timeout: 3_600_000,
  }, async () => {
    console.info(`FC_SEED=${SEED}`)
    const tally = await over(schedules, SEED + part)
    console.info(tally)
    // Schedules that never meet the rule would prove nothing about it.
    for (const reason of ['hit', 'first', 'window', 'fence', 'forced']) {
      expect(tally[`cached ${reason}`], reason).toBeGreaterThan(0)
    }
  })
}

/** Runs schedules, each in a world of its own, and answers how their recalls ended. */
export async function over(
  schedules: number,
  seed: number,
  options: () => WorldOptions = () => ({}),
): Promise<Tally> {
  console.info(`${schedules} schedules, seed ${seed}`)
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

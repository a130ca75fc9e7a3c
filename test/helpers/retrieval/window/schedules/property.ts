import fc from 'fast-check'
import { expect, it } from 'vitest'
import { schedule } from './steps.ts'
import { run, type Tally, type WorldOptions } from './world.ts'

/** Number of test files that share the schedules, so that they run in parallel. */
const PARTS = 2
/** A short run by default; .ci/run checks twenty times as many. */
export const ALL_SCHEDULES = Number(process.env['WINDOW_SCHEDULES'] ?? 200)
const SEED = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

/** Registers one part of the schedules, with its own seed, which is printed. */
export function testSchedules(part: number): void {
  const schedules = Math.ceil(ALL_SCHEDULES / PARTS)
  it(`hides no live memory and serves no deleted one, in ${schedules} random schedules`, {
    timeout: 3_600_000,
  }, async () => {
    console.info(`FC_SEED=${SEED}`)
    const tally = await runSchedules(schedules, SEED + part)
    console.info(tally)
    // Each outcome of the window rule must occur, or the schedules would not test it. `forced` is rare in a short run.
    for (const reason of ['hit', 'first', 'window', 'fence', ...(schedules >= 1000 ? ['forced'] : [])]) {
      expect(tally[`cached ${reason}`], reason).toBeGreaterThan(0)
    }
  })
}

/** Runs random schedules, each in a fresh world, and counts the outcomes of their recalls. */
export async function runSchedules(
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

import { expect, it } from 'vitest'
import { runSchedules } from './run.ts'

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
    console.info(`FC_SEED=${SEED}, ${schedules} schedules`)
    const tally = await runSchedules(schedules, SEED + part)
    console.info(tally)
    // Each outcome of the window rule must occur, or the schedules would not test it. `forced` is rare in a short run.
    for (const reason of ['hit', 'first', 'window', 'fence', ...(schedules >= 1000 ? ['forced'] : [])]) {
      expect(tally[`cached ${reason}`], reason).toBeGreaterThan(0)
    }
  })
}

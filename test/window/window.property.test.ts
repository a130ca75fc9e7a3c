import fc from 'fast-check'
import { expect, it } from 'vitest'
import { schedule } from './schedules/steps.ts'
import { run, type Tally } from './schedules/world.ts'

const SCHEDULES = Number(process.env['WINDOW_SCHEDULES'] ?? 1000)
const seed = Number(process.env['WINDOW_SEED'] ?? Date.now() % 2 ** 31)

it(`over ${SCHEDULES} schedules nothing is hidden and nothing deleted is served`, {
  timeout: 3_600_000,
}, async () => {
  console.info(`WINDOW_SEED=${seed}`)
  const tally: Tally = {}
  await fc.assert(
    fc.asyncProperty(schedule, async (one) => {
      for (const [outcome, count] of Object.entries(await run(one)))
        tally[outcome] = (tally[outcome] ?? 0) + count
    }),
    { numRuns: SCHEDULES, seed },
  )
  console.info(tally)
  // Schedules that never meet the rule would prove nothing about it.
  for (const reason of ['hit', 'first', 'window', 'fence', 'forced']) {
    expect(tally[`cached ${reason}`], reason).toBeGreaterThan(0)
  }
})

import { runSchedules } from '../../test/helpers/retrieval/window/schedules/run.ts'

/** Schedules between two lines of progress. Each part has a seed of its own: `seed`, `seed + 1` and so on. */
const PART = 100

/**
 * Checks the window rule over random schedules of turns, flushes, crashes, deletions, regenerations and evictions.
 * @throws {Error} with the shortest schedule in which a block hides a live memory or serves a deleted one
 */
export async function checkWindowSchedules(count: number, seed: number): Promise<void> {
  const totals: Record<string, number> = {}
  for (let done = 0; done < count; ) {
    const part = Math.min(PART, count - done)
    const partSeed = seed + done / PART
    const tally = await runSchedules(part, partSeed)
    for (const [outcome, n] of Object.entries(tally)) totals[outcome] = (totals[outcome] ?? 0) + n
    done += part
    console.log(`${done} of ${count} schedules hold (seed ${partSeed})`)
  }
  console.log(
    `check: the window rule holds in ${count} random schedules from seed ${seed}; recalls by outcome:`,
  )
  for (const [outcome, n] of Object.entries(totals).sort()) console.log(`  ${outcome}: ${n}`)
}

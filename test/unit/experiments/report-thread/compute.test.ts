import { expect, it } from 'vitest'
import { experimentOf, unitOf } from '../../../../bench/experiment/random-units.ts'
import { packSummary } from '../../../../sidecar/experiments/packed-summary.ts'
import { createReport } from '../../../../sidecar/experiments/report/report.ts'
import { computeReport } from '../../../../sidecar/experiments/report-thread/compute.ts'
import type { ShardUnits } from '../../../../sidecar/experiments/report-thread/shard-units.ts'

const units = Array.from({ length: 300 }, (_, i) =>
  unitOf({
    arm: i % 2 === 0 ? 'a' : 'b',
    at: i * 1000,
    turns: 2,
    tokens: 400 + (i % 9),
    outcomes: { thumbs: { y: i % 3 === 0 ? 0 : 1, n: 1 } },
    milliseconds: [5 + (i % 7), 9],
  }),
)
const task = { experiment: experimentOf(), options: { pricePerMillionTokens: 2, margin: 0.1 } }

/** Half of the units packed, in three shards. */
async function* shards(): AsyncGenerator<ShardUnits> {
  for (let shard = 0; shard < 3; shard++) {
    const own = units.slice(shard * 100, shard * 100 + 100)
    const packed = own.slice(50).map((unit) => `${packSummary(unit)}\n`)
    yield { units: own.slice(0, 50), packed: packed.join('') }
  }
}

it.each([
  ['inline', 300],
  ['in a thread', 100_000],
])('computes the same report %s', async (_, count) => {
  const expected = createReport(task.experiment, units, task.options)
  expect(await computeReport(shards(), count, task)).toEqual(expected)
})

it('fails as the store fails, and computes the next report', async () => {
  async function* failing(): AsyncGenerator<ShardUnits> {
    yield* shards()
    throw new Error('the disk is gone')
  }
  await expect(computeReport(failing(), 100_000, task)).rejects.toThrow('the disk is gone')
  expect((await computeReport(shards(), 100_000, task)).units).toBe(300)
})

it('refuses reports above those that may wait, and answers the others', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, () => computeReport(shards(), 100_000, task)),
  )
  const refused = results.filter((one) => one.status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(30)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'overloaded', retryAfterS: 5 })
})

it.each([
  ['inline', 300],
  ['in a thread', 100_000],
])('stops a report %s when it is aborted, and computes the next', async (_, count) => {
  const controller = new AbortController()
  let read = 0
  async function* endless(): AsyncGenerator<ShardUnits> {
    for (;;) {
      read += 1
      if (read === 5) controller.abort(new Error('the client has left'))
      yield* shards()
    }
  }
  await expect(computeReport(endless(), count, task, controller.signal)).rejects.toThrow(
    'the client has left',
  )
  expect(read).toBeLessThan(10)
  expect((await computeReport(shards(), count, task)).units).toBe(300)
})

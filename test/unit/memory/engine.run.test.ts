import { expect, it } from 'vitest'
import { ADA, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const DAY = 86_400_000
const home = { topic: 'basic_info', sub_topic: 'home' }
const FACTS: FactTable = {
  'in Leeds': [{ text: 'Ada lives in Leeds.', ...home }],
  'to Porto': [{ text: 'Ada lives in Porto.', ...home, replaces: 'Ada lives in Leeds.' }],
}

it('a memory of a run expires the run retention after its last statement', async () => {
  const { learn, known, clock, engine } = openEngine({ facts: FACTS })
  const run = { runId: 'r' }
  await learn(1, 'I live in Leeds.', run)
  await learn(2, 'I live in Leeds.')
  const expiries = async () =>
    (await engine.list(ADA, { limit: 10, accept: () => true })).memories
      .map(({ run_id, expires_at }) => [run_id, expires_at && (expires_at - clock.now()) / DAY])
      .sort()
  clock.advance(-60_000)
  expect(await expiries()).toEqual([
    [null, null],
    ['r', 30],
  ])
  clock.advance(DAY)
  await learn(3, 'I moved to Porto.', run)
  expect(await known('Ada lives in Porto.')).toMatchObject({
    run_id: 'r',
    expires_at: clock.now() + 30 * DAY,
  })
  clock.advance(31 * DAY)
  await learn(4, 'I did move to Porto.', run)
  expect(await known('Ada lives in Porto.')).toMatchObject({ version: 3, expires_at: clock.now() + 30 * DAY })
})

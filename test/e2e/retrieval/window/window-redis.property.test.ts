import { describe, expect, it } from 'vitest'
import { NEEDS, NO_REDIS } from '../../../helpers/redis-server.ts'
import { runSchedules } from '../../../helpers/retrieval/window/schedules/run.ts'
import type { Backing, Evicted } from '../../../helpers/retrieval/window/schedules/scope-state.ts'
import { redisScopeState } from '../../../helpers/scope-state-subject.ts'
import { useRedis } from '../../../helpers/use-redis.ts'

const SCHEDULES = Number(process.env['WINDOW_REDIS_SCHEDULES'] ?? 150)
const PREFIX = 'window:'
const KEYS: Record<Evicted, string> = { blocks: 'block/*', counters: 'counters', turns: 'turns/*' }

describe.skipIf(NO_REDIS)(`the window rule with scope state on Redis ${NEEDS}`, () => {
  const redis = useRedis()

  it(`hides no live memory and serves no deleted one, in ${SCHEDULES} random schedules`, {
    timeout: 600_000,
  }, async () => {
    const state = redisScopeState(redis.url, { keyPrefix: PREFIX })
    await expect
      .poll(
        () =>
          state.check().then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true)
    const remove = async (pattern: string) => {
      const keys = await redis.admin.keys(pattern)
      if (keys.length > 0) await redis.admin.del(...keys)
    }
    let worlds = 0
    const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)
    console.info(`FC_SEED=${seed}, ${SCHEDULES} schedules`)
    // Each world has its own user; all share one connection.
    const tally = await runSchedules(SCHEDULES, seed, () => {
      worlds += 1
      const userId = `ada-${worlds}`
      const of = `${PREFIX}{scope:n/${userId}}`
      const backing: Backing = {
        state,
        evict: async (what) => await remove(`${of}${KEYS[what]}`),
        lose: async () => await remove(`${of}*`),
      }
      return { backing, userId }
    })
    await state.close()
    for (const reason of ['hit', 'first', 'window', 'fence']) {
      expect(tally[`cached ${reason}`], reason).toBeGreaterThan(0)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { NEEDS, NO_REDIS, startRedis } from '../../helpers/redis-server.ts'
import { type RunningSidecar, startSidecar } from '../../helpers/sidecar-process.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const EXPERIMENT = {
  name: 'e',
  shadow_share: 0,
  arms: [
    { name: 'per_query', strategy: 'per_query' },
    { name: 'cached', strategy: 'cached_delta' },
  ],
}

/** Returns the arm, or the reason for having none. */
async function recall({ call }: RunningSidecar, user: string, conversation: string, turn: number) {
  const request = { query: 'Where do I live?', conversation_id: conversation, turn, window_size: 5 }
  const { status, body } = await call('POST', '/v1/recall', { ...request, user_id: user, experiment: 'e' })
  expect(status).toBe(200)
  return body.experiment.arm || body.experiment.reason
}

describe.skipIf(NO_REDIS)(`an experiment of two sidecars on one Redis and one Qdrant ${NEEDS}`, () => {
  it('gives a conversation one arm, adds up what both answered, and forgets a user in both', async () => {
    await using redis = await startRedis()
    await using qdrant = await startFakeQdrant()
    const env = {
      ...{ REDIS_URL: redis.url, QDRANT_URL: qdrant.url },
      // Generous timeouts for a small machine.
      ...{ REDIS_TIMEOUT_MS: '5000', QDRANT_TIMEOUT_MS: '5000' },
    }
    const [one, two] = await Promise.all([
      startSidecar({ DATA_DIR: tempDir(), ...env }),
      startSidecar({ DATA_DIR: tempDir(), ...env }),
    ])
    expect((await one.call('POST', '/v1/experiments', EXPERIMENT)).status).toBe(200)
    let turns = 0
    for (let i = 0; i < 8; i++) {
      const arms = await Promise.all([recall(one, 'ada', `c${i}`, 1), recall(two, 'ada', `c${i}`, 2)])
      // On a slow machine, an arm may be stored after the deadline of its recall.
      const assigned = arms.filter((arm) => arm !== 'unavailable')
      turns += assigned.length
      expect(new Set(assigned).size).toBeLessThanOrEqual(1)
      const later = await Promise.all([recall(one, 'ada', `c${i}`, 3), recall(two, 'ada', `c${i}`, 4)])
      for (const arm of later) if (arm !== 'unavailable') assigned.push(arm)
      turns += later.filter((arm) => arm !== 'unavailable').length
      expect(new Set(assigned).size).toBeLessThanOrEqual(1)
    }
    // The view of a sidecar writes its own rows first.
    await one.call('GET', '/v1/experiments/e')
    const { body } = await two.call('GET', '/v1/experiments/e')
    expect(body).toMatchObject({ turns, conflicts: 0 })
    const forgotten = await one.call('DELETE', '/v1/memories?user_id=ada')
    expect(forgotten.body.removed.experiments).toBe(body.units)
    expect((await two.call('GET', '/v1/experiments/e/report')).body).toMatchObject({ turns })
    expect((await two.call('DELETE', '/v1/experiments/e')).status).toBe(200)
    expect((await one.call('GET', '/v1/experiments/e')).status).toBe(404)
  }, 240_000)
})

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { testContract } from '../../contract/contract.ts'
import { OWN_BOUNDS, SCOPE_STATE_CASES } from '../../contract/scope-state.ts'
import { startCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, type RedisServer } from '../../helpers/redis-server.ts'
import { adminsOf, eventually, outcomeOf } from '../../helpers/redis-subject.ts'
import { redisScopeState, redisScopeSubject } from '../../helpers/scope-state-subject.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  let nodes: RedisServer[] = []
  const url = () => `redis+cluster://127.0.0.1:${nodes[0]?.port}`
  beforeAll(async () => {
    nodes = await startCluster()
  })
  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]()
  })

  testContract(
    'the scope state',
    SCOPE_STATE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisScopeSubject(url),
  )

  it('keeps all of one scope on one node, and spreads scopes', async () => {
    const state = redisScopeState(url(), { keyPrefix: 'spread:' })
    onTestFinished(() => state.close())
    await eventually(
      () => outcomeOf(state.check()),
      (outcome) => outcome === undefined,
    )
    for (let i = 0; i < 30; i++) {
      await state.fill('one', `k${i}`, 'v', HOUR, await state.counters('one'))
      await state.lease('one', `k${i}`, HOUR)
      await state.noteTurn('one', `c${i}`, 1, 'added', 1)
      await state.counters(`default/user-${i}`)
    }
    const admins = await adminsOf(url())
    const held = (pattern: string) =>
      Promise.all(admins.map(async (admin) => (await admin.keys(pattern)).length))
    expect((await held('spread:{scope:one}*')).sort((a, b) => a - b)).toEqual([0, 0, 92])
    expect((await held('spread:{scope:default/user-*')).every((count) => count > 0)).toBe(true)
    for (const admin of admins) admin.disconnect()
  })
})

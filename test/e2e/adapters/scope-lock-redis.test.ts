import { setImmediate } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectRedis } from '../../../sidecar/adapters/redis/connection.ts'
import { createRedisScopeLock, type RedisScopeLockOptions } from '../../../sidecar/adapters/redis/lock.ts'
import { parseRedisUrl } from '../../../sidecar/adapters/redis/url.ts'
import { testContract } from '../../contract/contract.ts'
import { SCOPE_LOCK_CASES, SHARED_LOCK_CASES } from '../../contract/scope-lock.ts'
import { useCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, startRedis } from '../../helpers/redis-server.ts'
import { eventually, keyCounts, succeeds, until } from '../../helpers/redis-subject.ts'
import { redisLockSubject } from '../../helpers/scope-lock-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const CASES = [...SCOPE_LOCK_CASES, ...SHARED_LOCK_CASES]
const MINUTE = 60_000
const REFUSED = { code: 'backend_unavailable', retryAfterS: expect.any(Number) }

/** A lock whose leases and waits do not time out within a test. */
function open(url: string, options: Partial<RedisScopeLockOptions> = {}) {
  const patient = { leaseMs: 15 * MINUTE, commitMs: 5 * MINUTE, waitMs: 20 * MINUTE }
  const connection = connectRedis(parseRedisUrl(url), 5000)
  const lock = createRedisScopeLock({ connection, keyPrefix: 'p:', ...patient, ...options })
  onTestFinished(() => lock.close())
  return lock
}

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  const redis = useRedis()

  testContract(
    'the Redis lock',
    CASES,
    redisLockSubject(() => redis.url),
  )

  it('puts every key under the prefix and the scope, with a TTL', async () => {
    const lock = open(redis.url, { keyPrefix: 'form:' })
    const peer = open(redis.url, { keyPrefix: 'form:' })
    const of = 'form:{scope:default/ada%7B%7D}lock'
    const scope = 'default/ada{}'
    let waiting = Promise.resolve()
    await lock.run(scope, async () => {
      waiting = peer.run(scope, async () => {})
      const keys = await eventually(
        () => redis.admin.keys('form:*'),
        (found) => found.length === 4,
      )
      expect(keys.sort()).toEqual([of, `${of}/asking`, `${of}/line`, `${of}/mark`])
      const lives = { [of]: 15 * MINUTE, [`${of}/mark`]: 30 * 24 * 60 * MINUTE, [`${of}/line`]: MINUTE / 2 }
      for (const [key, most] of Object.entries(lives)) {
        const left = await redis.admin.pttl(key)
        expect(left, key).toBeGreaterThan(0)
        expect(left, key).toBeLessThanOrEqual(most)
      }
    })
    await waiting
    await peer.drained()
    expect(await redis.admin.keys('form:*')).toEqual([`${of}/mark`])
  })

  it('rejects immediately while Redis is unreachable, and recovers', async () => {
    await using own = await startRedis()
    const lock = open(own.url)
    const ran: string[] = []
    await lock.run('s', async () => void ran.push('before'))
    await own.kill()
    const refused = await eventually(
      () => lock.run('s', async () => void ran.push('away')).catch((error) => error),
      (outcome) => outcome !== undefined,
    )
    expect(refused).toMatchObject({
      ...REFUSED,
      message: expect.stringMatching(/nothing was stored: redis at/),
    })
    const all = Array.from({ length: 3 }, () => lock.run('s', async () => void ran.push('away')))
    expect(await Promise.allSettled(all)).toMatchObject(
      all.map(() => ({ status: 'rejected', reason: { code: 'backend_unavailable' } })),
    )
    await expect(lock.check()).rejects.toThrow(/redis at/)
    await own.start()
    await until(() => lock.run('s', async () => true).catch(() => false))
    expect(ran).toEqual(['before'])
  })

  it('rejects a commit when Redis was restarted within the task', async () => {
    await using own = await startRedis()
    const lock = open(own.url)
    await lock.run('s', async ({ assertHeld }) => {
      await assertHeld()
      await own.kill()
      await eventually(
        () => assertHeld().catch((error) => error),
        (outcome) => outcome !== undefined,
      )
      await own.start()
      await succeeds(() => lock.check())
      await expect(assertHeld()).rejects.toMatchObject(REFUSED)
    })
  })

  it('continues when only the connection was lost', async () => {
    const lock = open(redis.url, { keyPrefix: 'cut:' })
    await lock.run('s', async ({ assertHeld }) => {
      await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await setImmediate()
      await succeeds(() => lock.check())
      await assertHeld()
    })
  })

  it.each([
    ['READONLY', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
    ['OOM', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
  ] as const)('rejects with the reply of Redis while it is %s, and recovers', async (word, fail, mend) => {
    await using own = await startRedis(['--maxmemory-policy', 'noeviction'])
    const lock = open(own.url)
    const other = new Redis(own.url)
    onTestFinished(() => other.disconnect())
    await lock.run('s', async () => {})
    await other.call(...(fail as readonly [string, ...string[]]))
    const message = expect.stringContaining(word)
    const ran: string[] = []
    const refused = await eventually(
      () => lock.run('s', async () => void ran.push('away')).catch((error) => error),
      (error) => error?.message?.includes(word),
    )
    expect(refused).toMatchObject({ ...REFUSED, message })
    await other.call(...(mend as readonly [string, ...string[]]))
    await until(() => lock.run('s', async () => true).catch(() => false))
    expect(ran).toEqual([])
  })
})

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  const cluster = useCluster()

  testContract('the Redis lock', CASES, redisLockSubject(cluster.url))

  it('keeps a scope on one node and spreads scopes over the nodes', async () => {
    const lock = open(cluster.url(), { keyPrefix: 'spread:' })
    await Promise.all(Array.from({ length: 30 }, (_, i) => lock.run(`default/user-${i}`, async () => {})))
    await lock.drained()
    const held = await keyCounts(cluster.url(), 'spread:{scope:default/user-*')
    expect(held.every((count) => count > 0)).toBe(true)
  })
})

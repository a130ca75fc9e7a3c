import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRedisCache } from '../../../sidecar/adapters/redis/cache.ts'
import { createRedisScopeState } from '../../../sidecar/adapters/redis/scope-state.ts'
import type { ScopeState } from '../../../sidecar/ports/scope-state.ts'
import { testContract } from '../../contract/contract.ts'
import { OWN_BOUNDS, SCOPE_STATE_CASES } from '../../contract/scope-state.ts'
import { useCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, startRedis } from '../../helpers/redis-server.ts'
import {
  eventually,
  fails,
  keyCounts,
  outcomeOf,
  redisOptions,
  succeeds,
} from '../../helpers/redis-subject.ts'
import { redisScopeState, redisScopeSubject } from '../../helpers/scope-state-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  const redis = useRedis()

  function open(options: Parameters<typeof redisScopeState>[1] = {}, url = redis.url): ScopeState {
    const state = redisScopeState(url, options)
    onTestFinished(() => state.close())
    return state
  }

  testContract(
    'the Redis scope state',
    SCOPE_STATE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisScopeSubject(() => redis.url),
  )

  it('stores everything under the prefix and the scope, with a TTL', async () => {
    const state = open({ keyPrefix: 'form:', now: () => 1_772_355_600_000 })
    const scope = 'default/ada{}%'
    const begun = await state.counters(scope)
    await state.fill(scope, 'c/{1}', 'v:1', HOUR, begun)
    await state.lease(scope, 'c', HOUR)
    await state.noteTurn(scope, 'c', 7, 'recalled', 5)
    const of = 'form:{scope:default/ada%7B%7D%25}'
    const keys = ['block/c/{1}', 'counters', 'index', 'lease/c', 'turns/c'].map((name) => of + name)
    expect((await redis.admin.keys('form:*')).sort()).toEqual(keys)
    expect(await redis.admin.get(`${of}block/c/{1}`)).toMatch(new RegExp(`^3${begun.fence}:mm7irhc0:v:1$`))
    expect(await redis.admin.hgetall(`${of}turns/c`)).toEqual({ 7: '5:' })
    const lives = [HOUR, 30 * DAY, 7 * DAY, HOUR, 7 * DAY]
    for (const [i, key] of keys.entries()) {
      const left = await redis.admin.pttl(key)
      expect(left, key).toBeGreaterThan((lives[i] as number) - 60_000)
      expect(left, key).toBeLessThanOrEqual(lives[i] as number)
    }
    await state.clear(scope)
    expect((await redis.admin.keys('form:*')).sort()).toEqual([`${of}counters`, `${of}lease/c`])
  })

  it('removes expired keys from the index', async () => {
    const state = open({ keyPrefix: 'index:' })
    const begun = await state.counters('s')
    await state.fill('s', 'short', 'v', 20, begun)
    await eventually(
      () => state.read('s', 'short'),
      ({ block }) => block === undefined,
    )
    await state.fill('s', 'long', 'v', HOUR, begun)
    expect(await redis.admin.zrange('index:{scope:s}index', '0', '-1')).toEqual(['block/long'])
  })

  it('clears more blocks than one command deletes', async () => {
    const state = open({ keyPrefix: 'many:' })
    const begun = await state.counters('s')
    await Promise.all(Array.from({ length: 1200 }, (_, i) => state.fill('s', `k${i}`, 'v', HOUR, begun)))
    await state.clear('s')
    expect(await redis.admin.keys('many:*')).toEqual(['many:{scope:s}counters'])
  })

  it('restarts counters above a fence that a failover lost', async () => {
    const state = open({ keyPrefix: 'over:' })
    const before = await state.counters('s')
    await state.fill('s', 'k', 'from before', HOUR, before)
    const fenced = await state.bump('s', 'fence')
    // The state of a replica that became master.
    await redis.admin.hset('over:{scope:s}counters', { epoch: before.epoch, fence: before.fence })
    const { counters, block } = await state.read('s', 'k')
    expect(block).toBeUndefined()
    expect(counters.fence).toBeGreaterThan(fenced.fence)
    expect(await open({ keyPrefix: 'over:' }).read('s', 'k')).toMatchObject({ counters, block: undefined })
  })

  it('restarts counters above all seen ones when the clock of Redis goes back', async () => {
    const state = open({ keyPrefix: 'back:' })
    const ahead = (Date.now() + DAY) * 1000
    await redis.admin.hset('back:{scope:s}counters', { epoch: ahead, fence: ahead })
    expect(await state.counters('s')).toEqual({ epoch: ahead, fence: ahead })
    await redis.admin.del('back:{scope:s}counters')
    expect((await state.counters('t')).fence).toBe(ahead + 1)
    expect((await state.counters('s')).fence).toBe(ahead + 2)
  })

  it('ignores values of other formats', async () => {
    const state = open({ keyPrefix: 'odd:' })
    const { fence } = await state.counters('s')
    for (const text of ['', 'hello', `3${fence}:v`, `2${fence}:mm7irhc0:v`, `1${fence + 1}:mm7irhc0:v`]) {
      await redis.admin.set('odd:{scope:s}block/k', text)
      expect((await state.read('s', 'k')).block, text).toBeUndefined()
    }
    await redis.admin.hset('odd:{scope:s}counters', 'fence', 'many')
    expect((await state.counters('s')).fence).toBeGreaterThan(fence)
    await redis.admin.set('odd:{scope:t}counters', 'a string')
    expect(await outcomeOf(state.counters('t'))).toBe('refused')
  })

  it('rejects lone surrogates', async () => {
    const state = open()
    const begun = await state.counters('s')
    for (const answer of [
      () => state.counters('\ud800'),
      () => state.read('s', '\ud800'),
      () => state.fill('s', 'k', '\ud800', HOUR, begun),
      () => state.lease('s', '\ud800', HOUR),
      () => state.noteTurn('s', '\ud800', 1, 'added', 1),
      () => state.turns('s', '\ud800'),
    ])
      await expect(answer()).rejects.toThrow(/expected well-formed Unicode/)
  })

  it('shares the connection of the cache', async () => {
    const options = redisOptions(redis.url, { keyPrefix: 'both:' })
    const [cache, state] = [createRedisCache(options), createRedisScopeState(options)]
    const connections = async () =>
      Number(/^connected_clients:(\d+)/m.exec(await redis.admin.info('clients'))?.[1])
    await Promise.all([cache.set('author/s/k', 'v', HOUR), state.counters('s')])
    const open = await connections()
    await state.close()
    await eventually(connections, (count) => count === open - 1)
    expect(await outcomeOf(cache.get('author/s/k'))).toBe('unreachable')
  })

  it('rejects in time while Redis is away, and works again when it is back empty', async () => {
    await using own = await startRedis()
    const state = open({ timeoutMs: 300 }, own.url)
    const before = await succeeds(() => state.bump('s', 'fence'))
    await state.fill('s', 'k', 'from before', HOUR, before)
    own.signal('SIGSTOP')
    expect(await outcomeOf(state.read('s', 'k'))).toBe('timeout')
    expect(await outcomeOf(state.lease('s', 'k', HOUR))).toMatch(/timeout|unreachable/)
    own.signal('SIGCONT')
    await succeeds(() => state.check())
    const lease = await eventually(
      () => state.lease('s', 'other', HOUR).catch(() => undefined),
      (one) => one !== undefined,
    )
    await own.kill()
    await lease?.release()
    await fails(() => state.counters('s'), 'unreachable')
    await own.start()
    const after = await succeeds(() => state.read('s', 'k'))
    expect(after.block).toBeUndefined()
    expect(after.counters.fence).toBeGreaterThan(before.fence)
  })

  it('serves reads and rejects changes while the server is full', async () => {
    await using own = await startRedis(['--maxmemory-policy', 'noeviction'])
    const state = open({}, own.url)
    const begun = await state.counters('s')
    await state.fill('s', 'k', 'v', HOUR, begun)
    const full = new Redis(own.url)
    onTestFinished(() => full.disconnect())
    await full.config('SET', 'maxmemory', '1mb')
    expect((await state.read('s', 'k')).block?.value).toBe('v')
    expect(await outcomeOf(state.bump('s', 'fence'))).toBe('refused')
    await full.config('SET', 'maxmemory', '0')
    expect((await state.bump('s', 'fence')).fence).toBe(begun.fence + 1)
  })
})

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  const cluster = useCluster()

  testContract(
    'the scope state',
    SCOPE_STATE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisScopeSubject(cluster.url),
  )

  it('keeps a scope on one node and spreads scopes over the nodes', async () => {
    const state = redisScopeState(cluster.url(), { keyPrefix: 'spread:' })
    onTestFinished(() => state.close())
    await succeeds(() => state.check())
    for (let i = 0; i < 30; i++) {
      await state.fill('one', `k${i}`, 'v', HOUR, await state.counters('one'))
      await state.lease('one', `k${i}`, HOUR)
      await state.noteTurn('one', `c${i}`, 1, 'added', 1)
      await state.counters(`default/user-${i}`)
    }
    expect(await keyCounts(cluster.url(), 'spread:{scope:one}*')).toEqual([0, 0, 92])
    const counts = await keyCounts(cluster.url(), 'spread:{scope:default/user-*')
    expect(counts.every((count) => count > 0)).toBe(true)
  })
})

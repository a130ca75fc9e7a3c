import { describe, expect, it } from 'vitest'
import { CACHE_CASES, MAX_BYTES, OWN_BOUNDS } from '../../contract/cache-store.ts'
import { testContract } from '../../contract/contract.ts'
import { NEEDS, NO_REDIS, startRedis } from '../../helpers/redis-server.ts'
import { openRedis, redisSubject, type TestOptions, until } from '../../helpers/redis-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  const redis = useRedis()

  const open = (options: TestOptions = {}) => openRedis(redis.url, options)

  testContract(
    'the Redis cache',
    CACHE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisSubject(() => redis.url),
  )

  it('stores entries under the prefix with the scope as hash tag, and lets Redis expire them', async () => {
    const store = open({ keyPrefix: 'form:', now: () => 1_772_355_600_000 })
    await store.set('author/de%20fault/mem:a{b}/c', 'v:1', HOUR)
    await store.set('plain', '', HOUR)
    const keys = await redis.admin.keys('form:*')
    expect(keys.sort()).toEqual(['form:{de%20fault}author/mem:a{b}/c', 'form:{}plain'])
    expect(await redis.admin.get('form:{de%20fault}author/mem:a{b}/c')).toBe('1mm7irhc0:v:1')
    const left = await redis.admin.pttl('form:{}plain')
    expect(left).toBeGreaterThan(HOUR - 60_000)
    expect(left).toBeLessThanOrEqual(HOUR)
  })

  it('returns nothing after the TTL, by the clock of Redis', async () => {
    const store = open()
    await store.set('short', 'v', 30)
    await store.set('shorter than Redis counts', 'v', 0.2)
    for (const key of ['short', 'shorter than Redis counts']) {
      await until(async () => (await store.get(key)) === undefined)
    }
  })

  it('shares entries between processes with the same prefix only', async () => {
    const [one, same, other] = [
      open({ keyPrefix: 'p:' }),
      open({ keyPrefix: 'p:' }),
      open({ keyPrefix: 'q:' }),
    ]
    await one.set('k', 'v', HOUR)
    expect((await same.get('k'))?.value).toBe('v')
    expect(await other.get('k')).toBeUndefined()
    expect(await other.delete('k')).toBe(false)
    expect(await same.delete('k')).toBe(true)
    expect(await one.get('k')).toBeUndefined()
  })

  it('ignores values of other formats and overwrites them', async () => {
    const store = open({ keyPrefix: 'odd:' })
    for (const text of ['', 'hello', '2mm7h6y80:v', '1:v', '1mm7h6y80', '1MM7H:v']) {
      await redis.admin.set('odd:{}k', text)
      expect(await store.get('k'), text).toBeUndefined()
    }
    await redis.admin.del('odd:{}k')
    await redis.admin.rpush('odd:{}k', 'a list')
    await expect(store.get('k')).rejects.toMatchObject({ name: 'CacheUnavailable', reason: 'refused' })
    await store.set('k', 'v', HOUR)
    expect((await store.get('k'))?.value).toBe('v')
  })

  it('rejects lone surrogates in keys and values', async () => {
    const store = open()
    await expect(store.set('a\ud800', 'v', HOUR)).rejects.toThrow(/cache key: expected well-formed Unicode/)
    await expect(store.set('a', 'v\udfff', HOUR)).rejects.toThrow(/cache value: expected well-formed Unicode/)
    await expect(store.get('a\ud801')).rejects.toThrow(TypeError)
  })

  it('limits the bytes of a value together with its key', async () => {
    const store = open({ keyPrefix: 'p:' })
    const most = MAX_BYTES - Buffer.byteLength('p:{}k1mm7irhc0:')
    await store.set('k', 'é'.repeat(Math.floor(most / 2)), HOUR)
    await expect(store.set('k', 'é'.repeat(most / 2 + 1), HOUR)).rejects.toThrow(
      /cache value: expected at most 100000 bytes, got 10000[12]/,
    )
  })

  it('rejects after close', async () => {
    const store = open()
    await store.set('k', 'v', HOUR)
    await store.close()
    await expect(store.get('k')).rejects.toMatchObject({ name: 'CacheUnavailable', reason: 'unreachable' })
  })
})

describe.skipIf(NO_REDIS)(`on a Redis that is full ${NEEDS}`, () => {
  const value = 'v'.repeat(10_000)

  it('stores everything and evicts the oldest entries with allkeys-lru', async () => {
    await using server = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'allkeys-lru'])
    const store = openRedis(server.url)
    let held = 0
    for (let i = 0; i < 600; i++) await store.set(`k${i}`, value, HOUR)
    for (let i = 0; i < 600; i++) if (await store.get(`k${i}`)) held += 1
    expect(held).toBeGreaterThan(50)
    expect(held).toBeLessThan(500)
  })

  it('rejects writes with the reply of Redis and still serves reads with noeviction', async () => {
    await using server = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction'])
    const store = openRedis(server.url)
    const fill = async () => {
      for (let i = 0; i < 600; i++) await store.set(`k${i}`, value, HOUR)
    }
    await expect(fill()).rejects.toMatchObject({
      name: 'CacheUnavailable',
      reason: 'refused',
      message: expect.stringMatching(/^redis at 127\.0\.0\.1:\d+: OOM command not allowed/),
    })
    expect((await store.get('k0'))?.value.length).toBe(value.length)
    await expect(store.check()).rejects.toThrow(/OOM/)
    for (let i = 0; i < 100; i++) await store.delete(`k${i}`)
    await expect(store.check()).resolves.toBeUndefined()
  })
})

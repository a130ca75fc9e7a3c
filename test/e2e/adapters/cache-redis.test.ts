import { describe, expect, it, onTestFinished } from 'vitest'
import type { CacheStore } from '../../../sidecar/ports/cache-store.ts'
import { CACHE_CASES, MAX_BYTES, OWN_BOUNDS } from '../../contract/cache-store.ts'
import { testContract } from '../../contract/contract.ts'
import { NEEDS, NO_REDIS, startRedis } from '../../helpers/redis-server.ts'
import { eventually, redisCache, redisSubject } from '../../helpers/redis-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  const redis = useRedis()

  function open(options: Parameters<typeof redisCache>[1] = {}): CacheStore {
    const store = redisCache(redis.url, options)
    onTestFinished(() => store.close())
    return store
  }

  testContract(
    'the Redis cache',
    CACHE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisSubject(() => redis.url),
  )

  it('keeps entries under the prefix, the scope in braces, and lets Redis expire them', async () => {
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

  it('is gone when its life is over, by the clock of Redis', async () => {
    const store = open()
    await store.set('short', 'v', 30)
    await store.set('shorter than Redis counts', 'v', 0.2)
    await eventually(
      () => store.get('short'),
      (entry) => entry === undefined,
    )
    await eventually(
      () => store.get('shorter than Redis counts'),
      (entry) => entry === undefined,
    )
  })

  it('is shared by all who have the prefix, and by nobody else', async () => {
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

  it('takes what it did not write for nothing, and writes over it', async () => {
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

  it('refuses text that UTF-8 cannot tell from other text', async () => {
    const store = open()
    await expect(store.set('a\ud800', 'v', HOUR)).rejects.toThrow(/cache key: expected well-formed Unicode/)
    await expect(store.set('a', 'v\udfff', HOUR)).rejects.toThrow(/cache value: expected well-formed Unicode/)
    await expect(store.get('a\ud801')).rejects.toThrow(TypeError)
  })

  it('measures a value in bytes, with its key', async () => {
    const store = open({ keyPrefix: 'p:' })
    const most = MAX_BYTES - Buffer.byteLength('p:{}k1mm7irhc0:')
    await store.set('k', 'é'.repeat(Math.floor(most / 2)), HOUR)
    await expect(store.set('k', 'é'.repeat(most / 2 + 1), HOUR)).rejects.toThrow(
      /cache value: expected at most 100000 bytes, got 10000[12]/,
    )
  })

  it('rejects after it was closed, and holds the process no longer', async () => {
    const store = redisCache(redis.url)
    await store.set('k', 'v', HOUR)
    await store.close()
    await expect(store.get('k')).rejects.toMatchObject({ name: 'CacheUnavailable', reason: 'unreachable' })
  })
})

describe.skipIf(NO_REDIS)(`on a Redis that is full ${NEEDS}`, () => {
  const value = 'v'.repeat(10_000)

  it('that evicts: everything can be stored, and the oldest make room', async () => {
    await using server = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'allkeys-lru'])
    const store = redisCache(server.url)
    onTestFinished(() => store.close())
    let held = 0
    for (let i = 0; i < 600; i++) await store.set(`k${i}`, value, HOUR)
    for (let i = 0; i < 600; i++) if (await store.get(`k${i}`)) held += 1
    expect(held).toBeGreaterThan(50)
    expect(held).toBeLessThan(500)
  })

  it('that does not: what cannot be stored is refused in its words, and the rest can be read', async () => {
    await using server = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction'])
    const store = redisCache(server.url, { keyPrefix: 'p:' })
    onTestFinished(() => store.close())
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

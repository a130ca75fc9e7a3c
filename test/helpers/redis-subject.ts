import { Cluster, Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { createRedisCache, type RedisCacheOptions } from '../../sidecar/adapters/redis/cache.ts'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import { parseRedisUrl } from '../../sidecar/redis-url.ts'
import type { CacheSubject } from '../contracts/cache-store.ts'
import { MAX_BYTES } from '../contracts/cache-store.ts'
import type { Open } from '../contracts/contract.ts'
import { stoppedClock } from './clock.ts'

/** Redis' own clock cannot be stopped, so the cases move in steps that no test takes in earnest. */
const GRAIN_MS = 60_000

let opened = 0

/** A Redis cache with defaults for tests: a prefix of its own, and time enough on a busy machine. */
export function redisCache(url: string, options: Partial<RedisCacheOptions> = {}) {
  opened += 1
  const target = parseRedisUrl(url)
  return createRedisCache({
    target,
    keyPrefix: `test-${opened}:`,
    timeoutMs: 5000,
    maxValueBytes: MAX_BYTES,
    ...options,
  })
}

/** The same under the prefix `p:`, closed when the test ends. */
export function openRedis(url: string, options: Partial<RedisCacheOptions> = {}): CacheStore {
  const store = redisCache(url, { keyPrefix: 'p:', ...options })
  onTestFinished(() => store.close())
  return store
}

/** The same once it is connected. */
export async function connectedRedis(
  url: string,
  options: Partial<RedisCacheOptions> = {},
): Promise<CacheStore> {
  const store = openRedis(url, options)
  await eventually(
    () => outcomeOf(store.check()),
    (outcome) => outcome === undefined,
  )
  return store
}

/** What was answered, or the reason of a failure. */
export async function outcomeOf(answer: Promise<unknown>): Promise<unknown> {
  return await answer.catch((error) => {
    expect(error).toMatchObject({ name: 'CacheUnavailable', message: expect.stringMatching(/^redis at /) })
    return error.reason
  })
}

/** Whether an outcome is an entry. */
export const works = (outcome: unknown) => typeof outcome === 'object'

/** The subject of the contract on a running Redis; its clock moves the expiry of every key there. */
export function redisSubject(url: () => string): Open<CacheSubject> {
  return async () => {
    const clock = stoppedClock()
    const admins = await adminsOf(url())
    const store = redisCache(url(), { now: clock.now })
    return {
      subject: {
        store,
        grainMs: GRAIN_MS,
        clock: {
          now: clock.now,
          async advance(milliseconds) {
            clock.advance(milliseconds)
            for (const admin of admins) await expireSooner(admin, milliseconds)
          },
        },
      },
      async close() {
        await store.close()
        for (const admin of admins) admin.disconnect()
      },
    }
  }
}

/** Brings the end of every key there nearer. */
export async function expireSooner(admin: Redis, milliseconds: number): Promise<void> {
  for (const key of await admin.keysBuffer('*')) {
    const at = await admin.pexpiretime(key)
    if (at > 0) await admin.pexpireat(key, at - milliseconds)
  }
}

/** A connection to each server that holds keys. */
export async function adminsOf(url: string): Promise<Redis[]> {
  const { mode, nodes } = parseRedisUrl(url)
  if (mode !== 'cluster') return nodes.map((node) => new Redis(node))
  const cluster = new Cluster([...nodes], { lazyConnect: true })
  await cluster.connect()
  const masters = cluster
    .nodes('master')
    .map(({ options }) => new Redis({ host: options.host as string, port: options.port as number }))
  cluster.disconnect()
  return masters
}

/** Asks again until the answer is right; what never comes fails the test with the last answer. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  ms = 15_000,
): Promise<T> {
  const late = AbortSignal.timeout(ms)
  for (;;) {
    const answer = await ask()
    if (right(answer)) return answer
    if (late.aborted) throw new Error(`still not right after ${ms} ms: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

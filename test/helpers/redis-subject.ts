import { Cluster, Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { createRedisCache, type RedisCacheOptions } from '../../sidecar/adapters/redis/cache.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import type { CacheSubject } from '../contract/cache-store.ts'
import { MAX_BYTES } from '../contract/cache-store.ts'
import type { Open } from '../contract/contract.ts'
import { stoppedClock } from './clock.ts'

/** The clock of Redis cannot be stopped, so the cases move in steps much longer than a test. */
const GRAIN_MS = 60_000

let opened = 0

/** Creates a Redis cache with defaults for tests: its own key prefix, and timeouts for a busy machine. */
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

/** The same with the key prefix `p:`; closes when the test ends. */
export function openRedis(url: string, options: Partial<RedisCacheOptions> = {}): CacheStore {
  const store = redisCache(url, { keyPrefix: 'p:', ...options })
  onTestFinished(() => store.close())
  return store
}

/** The same, after it is connected. */
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

/** Returns the answer, or the reason of a CacheUnavailable error. */
export async function outcomeOf(answer: Promise<unknown>): Promise<unknown> {
  return await answer.catch((error) => {
    expect(error).toMatchObject({ name: 'CacheUnavailable', message: expect.stringMatching(/^redis at /) })
    return error.reason
  })
}

/** Whether an outcome is an entry. */
export const works = (outcome: unknown) => typeof outcome === 'object'

/** The contract subject on a running Redis. Advancing its clock shortens the TTL of every key. */
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

/** Shortens the TTL of every key. */
export async function expireSooner(admin: Redis, milliseconds: number): Promise<void> {
  for (const key of await admin.keysBuffer('*')) {
    const at = await admin.pexpiretime(key)
    if (at > 0) await admin.pexpireat(key, at - milliseconds)
  }
}

/** Opens a connection to each server that holds keys. */
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

/** Polls until the answer is right; throws with the last answer after the deadline. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  ms = 15_000,
): Promise<T> {
  const late = AbortSignal.timeout(ms)
  for (;;) {
    const answer = await ask()
    if (right(answer)) return answer
    if (late.aborted)
      throw new Error(`expected answer not received within ${ms} ms, last got: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

import { Cluster, Redis } from 'ioredis'
import { expect, onTestFinished } from 'vitest'
import { createRedisCache, type RedisCacheOptions } from '../../sidecar/adapters/redis/cache.ts'
import { connectRedis, type OnRedisState } from '../../sidecar/adapters/redis/connection.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { CacheStore } from '../../sidecar/ports/cache-store.ts'
import { type CacheSubject, MAX_BYTES } from '../contract/cache-store.ts'
import type { Open } from '../contract/contract.ts'
import { stoppedClock } from './clock.ts'

/** The clock of Redis cannot be stopped, so the cases move in steps much longer than a test. */
export const GRAIN_MS = 60_000

export interface TestOptions extends Partial<RedisCacheOptions> {
  timeoutMs?: number
  onState?: OnRedisState
}

/** Adapter options for tests: a connection of its own, the prefix `p:`, and a timeout for a busy machine. */
export function redisOptions(url: string, options: TestOptions = {}): RedisCacheOptions {
  const { timeoutMs = 5000, onState, ...more } = options
  const connection = more.connection ?? connectRedis(parseRedisUrl(url), timeoutMs, onState)
  return { keyPrefix: 'p:', maxValueBytes: MAX_BYTES, ...more, connection }
}

/** Opens a Redis cache that closes when the test ends. */
export function openRedis(url: string, options: TestOptions = {}): CacheStore {
  const store = createRedisCache(redisOptions(url, options))
  onTestFinished(() => store.close())
  return store
}

/** The same, after it is connected. */
export async function connectedRedis(url: string, options: TestOptions = {}): Promise<CacheStore> {
  const store = openRedis(url, options)
  await succeeds(() => store.check())
  return store
}

/** Returns the answer, or the reason of a CacheUnavailable error. */
export async function outcomeOf<T>(answer: Promise<T>): Promise<T | 'unreachable' | 'timeout' | 'refused'> {
  return await answer.catch((error) => {
    expect(error).toMatchObject({ name: 'CacheUnavailable', message: expect.stringMatching(/^redis at /) })
    return error.reason
  })
}

/** Retries until the call does not fail with CacheUnavailable; returns its answer. */
export async function succeeds<T>(ask: () => Promise<T>): Promise<T> {
  return (await eventually(
    () => outcomeOf(ask()),
    (outcome) => !['unreachable', 'timeout', 'refused'].includes(outcome as string),
  )) as T
}

/** Retries until the call fails with this reason. */
export async function fails(ask: () => Promise<unknown>, reason: string): Promise<void> {
  await eventually(
    () => outcomeOf(ask()),
    (outcome) => outcome === reason,
  )
}

let opened = 0

/** The contract subject on a running Redis. Advancing its clock shortens the TTL of every key. */
export function redisSubject(url: () => string): Open<CacheSubject> {
  return async () => {
    opened += 1
    const { now, advance } = stoppedClock()
    const admins = await adminsOf(url())
    const store = createRedisCache(redisOptions(url(), { keyPrefix: `test-${opened}:`, now }))
    const clock = { now, advance: advancer(advance, admins) }
    return {
      subject: { store, grainMs: GRAIN_MS, clock },
      async close() {
        await store.close()
        for (const admin of admins) admin.disconnect()
      },
    }
  }
}

/** Advances a test clock, and shortens the TTL of every key by the same time. */
export function advancer(advance: (milliseconds: number) => void, admins: readonly Redis[]) {
  return async (milliseconds: number): Promise<void> => {
    advance(milliseconds)
    for (const admin of admins) await expireSooner(admin, milliseconds)
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

/** The number of keys that match a pattern, per server. */
export async function keyCounts(url: string, pattern: string): Promise<number[]> {
  const admins = await adminsOf(url)
  const counts = await Promise.all(admins.map(async (admin) => (await admin.keys(pattern)).length))
  for (const admin of admins) admin.disconnect()
  return counts.sort((a, b) => a - b)
}

/** Polls until the answer is right; throws with the last answer after the deadline. */
export async function eventually<T>(
  ask: () => T | Promise<T>,
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

/** Polls until the condition holds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(isSo, (holds) => holds)
}

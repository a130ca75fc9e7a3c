import type { CacheStore } from '../../ports/cache-store.ts'
import { decodeEntry, encodeEntry, redisKey } from './cache-entry.ts'
import { connectRedis, type OnRedisState, type RedisConnection } from './connection.ts'
import type { RedisTarget } from './url.ts'

export interface RedisCacheOptions {
  target: RedisTarget
  /** Prefix of every key, without braces. */
  keyPrefix: string
  /** Timeout of one command, milliseconds. */
  timeoutMs: number
  /** Most bytes of one entry with its key. The server's `maxmemory` bounds the total. */
  maxValueBytes: number
  onState?: OnRedisState | undefined
  /** A shared connection to the target. Closing any of its users closes it. */
  connection?: RedisConnection | undefined
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

export const KIND = { single: 'redis', sentinel: 'redis sentinel', cluster: 'redis cluster' } as const

/**
 * A cache shared by several sidecars through Redis. Redis expires entries (`PX`), so clock differences between sidecars
 * affect only the reported age of an entry, never its TTL.
 */
export function createRedisCache(options: RedisCacheOptions): CacheStore {
  const { target, keyPrefix, timeoutMs, maxValueBytes, onState, now = Date.now } = options
  const { connection = connectRedis(target, timeoutMs, onState) } = options
  const check = redisKey(keyPrefix, 'check')
  return {
    kind: KIND[target.mode],
    async get(key) {
      const name = redisKey(keyPrefix, assertWellFormed('key', key))
      const text = await connection.run((client) => client.get(name))
      return text === null ? undefined : decodeEntry(text)
    },
    async set(key, value, ttlMs) {
      const name = redisKey(keyPrefix, assertWellFormed('key', key))
      const text = encodeEntry({ value: assertWellFormed('value', value), storedAt: now() })
      const size = Buffer.byteLength(name) + Buffer.byteLength(text)
      if (size > maxValueBytes) {
        throw new RangeError(`cache value: expected at most ${maxValueBytes} bytes, got ${size}`)
      }
      // Redis expects an integer of at least 1.
      await connection.run((client) => client.set(name, text, 'PX', Math.max(1, Math.floor(ttlMs))))
    },
    async delete(key) {
      const name = redisKey(keyPrefix, assertWellFormed('key', key))
      return (await connection.run((client) => client.del(name))) > 0
    },
    async check() {
      // A write, because a replica and a full server still answer PING.
      await connection.run((client) => client.set(check, '', 'PX', 1000))
    },
    async close() {
      connection.close()
    },
  }
}

/** Lone surrogates have no UTF-8 encoding: two different keys could become the same. */
export function assertWellFormed(what: string, text: string): string {
  if (!text.isWellFormed())
    throw new TypeError(`cache ${what}: expected well-formed Unicode, got a lone surrogate`)
  return text
}

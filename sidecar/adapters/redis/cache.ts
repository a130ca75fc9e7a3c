import type { CacheStore } from '../../ports/cache-store.ts'
import type { RedisTarget } from '../../redis-url.ts'
import { decodeEntry, encodeEntry, redisKey } from './cache-entry.ts'
import { linkRedis, type OnRedisState, type RedisLink } from './connection.ts'

export interface RedisCacheOptions {
  target: RedisTarget
  /** Stands before every key; no braces. */
  keyPrefix: string
  /** How long one command may take, milliseconds. */
  timeoutMs: number
  /** Most bytes of one entry with its key. The whole is bounded by the server's `maxmemory`. */
  maxValueBytes: number
  onState?: OnRedisState | undefined
  /** A connection to the target that is shared with others; whoever of them is closed first closes it. */
  link?: RedisLink | undefined
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

export const KIND = { single: 'redis', sentinel: 'redis sentinel', cluster: 'redis cluster' } as const

/**
 * The cache that several sidecars share, on Redis.
 *
 * Redis alone decides when an entry is gone (`PX`), so sidecars whose clocks differ agree on that. `storedAt` is the
 * clock of the sidecar that stored it: a difference of clocks shows in an age, never in a life.
 */
export function createRedisCache(options: RedisCacheOptions): CacheStore {
  const { target, keyPrefix, timeoutMs, maxValueBytes, onState, now = Date.now } = options
  const { link = linkRedis(target, timeoutMs, onState) } = options
  const check = redisKey(keyPrefix, 'check')
  return {
    kind: KIND[target.mode],
    async get(key) {
      const name = redisKey(keyPrefix, wellFormed('key', key))
      const text = await link.run((client) => client.get(name))
      return text === null ? undefined : decodeEntry(text)
    },
    async set(key, value, ttlMs) {
      const name = redisKey(keyPrefix, wellFormed('key', key))
      const text = encodeEntry({ value: wellFormed('value', value), storedAt: now() })
      const size = Buffer.byteLength(name) + Buffer.byteLength(text)
      if (size > maxValueBytes) {
        throw new RangeError(`cache value: expected at most ${maxValueBytes} bytes, got ${size}`)
      }
      // Redis counts whole milliseconds; an entry that lives less than one must not live for ever.
      await link.run((client) => client.set(name, text, 'PX', Math.max(1, Math.floor(ttlMs))))
    },
    async delete(key) {
      const name = redisKey(keyPrefix, wellFormed('key', key))
      return (await link.run((client) => client.del(name))) > 0
    },
    async check() {
      // A write: a replica and a server that is full answer a PING.
      await link.run((client) => client.set(check, '', 'PX', 1000))
    },
    async close() {
      link.close()
    },
  }
}

/** UTF-8 has no way to say a lone surrogate: two keys could become one. */
export function wellFormed(what: string, text: string): string {
  if (!text.isWellFormed())
    throw new TypeError(`cache ${what}: expected well-formed Unicode, got a lone surrogate`)
  return text
}

import type { CachedEntry, CacheStore } from '../../ports/cache-store.ts'
import { checkWritable, type RedisConnection } from './connection.ts'
import { assertWellFormed, redisKey } from './keys.ts'

export interface RedisCacheOptions {
  /** May be shared; closing any of its users closes it. */
  connection: RedisConnection
  /** Prefix of every key, without braces. */
  keyPrefix: string
  /** Most bytes of one entry with its key. The server's `maxmemory` bounds the total. */
  maxValueBytes: number
  /** Epoch milliseconds; injected by tests. */
  now?: () => number
}

/**
 * A cache shared by several sidecars through Redis. Redis expires entries (`PX`), so clock differences between sidecars
 * affect only the reported age of an entry, never its TTL.
 */
export function createRedisCache(options: RedisCacheOptions): CacheStore {
  const { connection, keyPrefix, maxValueBytes, now = Date.now } = options
  const nameOf = (key: string) => redisKey(keyPrefix, assertWellFormed('key', key))
  return {
    kind: connection.kind,
    async get(key) {
      const name = nameOf(key)
      const text = await connection.run((client) => client.get(name))
      return text === null ? undefined : decodeEntry(text)
    },
    async set(key, value, ttlMs) {
      const name = nameOf(key)
      const text = encodeEntry({ value: assertWellFormed('value', value), storedAt: now() })
      assertSize('cache value', [name, text], maxValueBytes)
      await connection.run((client) => client.set(name, text, 'PX', wholeMs(ttlMs)))
    },
    async delete(key) {
      const name = nameOf(key)
      return (await connection.run((client) => client.del(name))) > 0
    },
    check: () => checkWritable(connection, nameOf('check')),
    async close() {
      connection.close()
    },
  }
}

/** An entry as one string: version `1`, time of storage (epoch milliseconds, base 36), a colon, the value. */
export function encodeEntry({ value, storedAt }: CachedEntry): string {
  return `1${storedAt.toString(36)}:${value}`
}

/** Returns `undefined` for an entry of another version. */
export function decodeEntry(text: string): CachedEntry | undefined {
  const [head, digits = ''] = /^1([0-9a-z]{1,11}):/.exec(text) ?? []
  if (head === undefined) return undefined
  return { value: text.slice(head.length), storedAt: Number.parseInt(digits, 36) }
}

/** @throws {RangeError} when a key and its value exceed the limit */
export function assertSize(what: string, texts: readonly string[], maxBytes: number): void {
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (size > maxBytes) throw new RangeError(`${what}: expected at most ${maxBytes} bytes, got ${size}`)
}

/** Redis expects an integer of at least 1. */
export function wholeMs(ms: number): number {
  return Math.max(1, Math.floor(ms))
}

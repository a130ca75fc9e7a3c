import type { CachedEntry } from '../../ports/cache-store.ts'

/** First character of a stored value. Entries of other versions are ignored. */
const VERSION = '1'

/** An entry as one string: version, time of storage (epoch milliseconds, base 36), a colon, the value. */
export function encodeEntry({ value, storedAt }: CachedEntry): string {
  return `${VERSION}${storedAt.toString(36)}:${value}`
}

/** Returns `undefined` for text that `encodeEntry` did not produce. */
export function decodeEntry(text: string): CachedEntry | undefined {
  const colon = text.indexOf(':')
  if (!text.startsWith(VERSION) || colon < 2 || colon > 12) return undefined
  const digits = text.slice(1, colon)
  if (!/^[0-9a-z]+$/.test(digits)) return undefined
  return { value: text.slice(colon + 1), storedAt: Number.parseInt(digits, 36) }
}

/**
 * The key in Redis: `author/default/mem:ada` becomes `hippocache:{default}author/mem:ada`. The hash tag puts all keys of
 * a scope on one cluster node
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags). A key without a scope gets an
 * empty hash tag: then the whole key decides the slot. The mapping is injective.
 *
 * @param prefix without braces
 */
export function redisKey(prefix: string, key: string): string {
  const [, family, scope, rest] = /^([^/{}]+)\/([^/{}]+)\/(.*)$/su.exec(key) ?? []
  return scope === undefined ? `${prefix}{}${key}` : `${prefix}{${scope}}${family}/${rest}`
}

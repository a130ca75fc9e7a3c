import type { CachedEntry } from '../../ports/cache-store.ts'

/** First character of a stored value: entries of a form that this version does not know are no entries to it. */
const VERSION = '1'

/**
 * An entry as one string: version, the time it was stored (epoch milliseconds, base 36), a colon, the value. The time
 * to live is Redis' affair (`PX`).
 */
export function encodeEntry({ value, storedAt }: CachedEntry): string {
  return `${VERSION}${storedAt.toString(36)}:${value}`
}

/** `undefined` for what `encodeEntry` did not write. */
export function decodeEntry(text: string): CachedEntry | undefined {
  const colon = text.indexOf(':')
  if (!text.startsWith(VERSION) || colon < 2 || colon > 12) return undefined
  const digits = text.slice(1, colon)
  if (!/^[0-9a-z]+$/.test(digits)) return undefined
  return { value: text.slice(colon + 1), storedAt: Number.parseInt(digits, 36) }
}

/**
 * The key in Redis: `author/default/mem:ada` is kept as `hippocache:{default}author/mem:ada`. What stands in the
 * first braces decides the slot in a cluster, so that all keys of a scope are on one node
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags). A key without a scope gets
 * empty braces: then the whole of it decides. No two keys become one.
 *
 * @param prefix without braces
 */
export function redisKey(prefix: string, key: string): string {
  const [, family, scope, rest] = /^([^/{}]+)\/([^/{}]+)\/(.*)$/su.exec(key) ?? []
  return scope === undefined ? `${prefix}{}${key}` : `${prefix}{${scope}}${family}/${rest}`
}

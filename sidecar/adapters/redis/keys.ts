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

/**
 * The keys of a scope. The hash tag contains the whole scope, so that all of them are on one cluster node; its prefix
 * keeps it from being empty.
 *
 * @param prefix without braces
 */
export function scopeKeys(prefix: string, scope: string) {
  // Braces would end the hash tag; escaping `%` keeps the mapping injective.
  const tag = assertWellFormed('scope', scope).replace(/[{}%]/g, (one) => encodeURIComponent(one))
  const of = `${prefix}{scope:${tag}}`
  return {
    counters: `${of}counters`,
    index: `${of}index`,
    lease: (key: string) => `${of}lease/${assertWellFormed('key', key)}`,
    /** The writer's lock, its waiters by arrival and by last request, and its state. */
    lock: [`${of}lock`, `${of}lock/line`, `${of}lock/asking`, `${of}lock/mark`],
    /** The key of an index member. */
    keyOf: (member: string) => of + member,
    /** Index members. */
    block: (key: string) => `block/${assertWellFormed('key', key)}`,
    turns: (conversation: string) => `turns/${assertWellFormed('conversation', conversation)}`,
  }
}

/** Lone surrogates have no UTF-8 encoding: two different keys could become the same. */
export function assertWellFormed(what: string, text: string): string {
  if (!text.isWellFormed())
    throw new TypeError(`cache ${what}: expected well-formed Unicode, got a lone surrogate`)
  return text
}

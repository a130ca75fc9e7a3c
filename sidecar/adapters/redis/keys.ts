/**
 * The key in Redis: `author/default/mem:ada` becomes `hippocache:{default}author/mem:ada`, so that all keys of a scope are
 * on one cluster node. With an empty hash tag the whole key decides the slot. The mapping is injective.
 */
export function redisKey(prefix: string, key: string): string {
  const [, family, scope, rest] = /^([^/{}]+)\/([^/{}]+)\/(.*)$/su.exec(key) ?? []
  return scope === undefined ? `${prefix}{}${key}` : `${prefix}{${scope}}${family}/${rest}`
}

/** The keys of a scope, on one cluster node. The prefix `scope:` keeps the hash tag from being empty. */
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
    count: (conversation: string) => `count/${assertWellFormed('conversation', conversation)}`,
    turns: (conversation: string) => `turns/${assertWellFormed('conversation', conversation)}`,
  }
}

/** Lone surrogates have no UTF-8 encoding: two different keys could become the same. */
export function assertWellFormed(what: string, text: string): string {
  if (!text.isWellFormed())
    throw new TypeError(`cache ${what}: expected well-formed Unicode, got a lone surrogate`)
  return text
}

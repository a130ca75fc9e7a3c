import type { StoredBlock } from '../../ports/scope-state.ts'

/** A block as one string: version, fence, time of storage (base 36), value. Other versions decode to `undefined`. */
export function encodeBlock({ value, storedAt }: StoredBlock, fence: number): string {
  return `3${fence}:${storedAt.toString(36)}:${value}`
}

export function decodeBlock(text: string): { fence: number; block: StoredBlock } | undefined {
  const [head, fence, storedAt] = /^3(\d{1,16}):([0-9a-z]{1,11}):/.exec(text) ?? []
  if (head === undefined) return undefined
  const block = { value: text.slice(head.length), storedAt: Number.parseInt(storedAt as string, 36) }
  return { fence: Number(fence), block }
}

/**
 * The keys of a scope. The hash tag contains the whole scope, so that all of them are on one cluster node; its prefix
 * keeps it from being empty.
 *
 * @param prefix without braces
 */
export function scopeKeys(prefix: string, scope: string) {
  // Braces would end the hash tag; escaping `%` keeps the mapping injective.
  const tag = scope.replace(/[{}%]/g, (one) => encodeURIComponent(one))
  const of = `${prefix}{scope:${tag}}`
  return {
    counters: `${of}counters`,
    index: `${of}index`,
    lease: (key: string) => `${of}lease/${key}`,
    /** The writer's lock, its waiters by arrival and by last request, and its state. */
    lock: `${of}lock`,
    lockWaiters: `${of}lock/line`,
    lockRequests: `${of}lock/asking`,
    lockState: `${of}lock/mark`,
    /** The key of an index member. */
    keyOf: (member: string) => of + member,
    block: (key: string) => `block/${key}`,
    turns: (conversation: string) => `turns/${conversation}`,
  }
}

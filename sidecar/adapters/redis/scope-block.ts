import { hash } from 'node:crypto'
import type { StoredBlock } from '../../ports/scope-state.ts'

/** First character of a stored block: one of a form that this version does not know is none to it. */
const VERSION = '2'

/** A stored block taken apart. `head`: what stands before the value, the same only for the same filling. */
export interface ReadBlock {
  head: string
  fence: number
  block: StoredBlock
}

/** A block as one string: version, the fence it was begun at, the time it was stored (base 36), a digest, the value. */
export function encodeBlock({ value, storedAt }: StoredBlock, fence: number): string {
  const digest = hash('sha1', value, 'hex').slice(0, 16)
  return `${VERSION}${fence}:${storedAt.toString(36)}:${digest}:${value}`
}

/** `undefined` for what `encodeBlock` did not write. */
export function decodeBlock(text: string): ReadBlock | undefined {
  const [head, fence, digits] = /^2(\d{1,16}):([0-9a-z]{1,11}):[0-9a-f]{16}:/.exec(text) ?? []
  if (head === undefined) return undefined
  const block = { value: text.slice(head.length), storedAt: Number.parseInt(digits as string, 36) }
  return { head, fence: Number(fence), block }
}

/**
 * The keys of a scope. In the braces stands the whole scope, so that they are all on one node of a cluster, with a word
 * before it, so that there is always something in them.
 *
 * @param prefix without braces
 */
export function scopeKeys(prefix: string, scope: string) {
  // Braces of the scope would end the tag; no two scopes become one.
  const tag = scope.replace(/[{}%]/g, (one) => encodeURIComponent(one))
  const of = `${prefix}{scope:${tag}}`
  return {
    counters: `${of}counters`,
    index: `${of}index`,
    lease: (key: string) => `${of}lease/${key}`,
    /** Who may write, who waits for it, when these asked last, and how it ended. */
    lock: `${of}lock`,
    lockLine: `${of}lock/line`,
    lockAsking: `${of}lock/asking`,
    lockMark: `${of}lock/mark`,
    /** What stands in the index, as a key. */
    held: (member: string) => of + member,
    block: (key: string) => `block/${key}`,
    turns: (conversation: string) => `turns/${conversation}`,
  }
}

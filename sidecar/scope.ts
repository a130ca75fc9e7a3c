import { hash as hashOf } from 'node:crypto'

/**
 * Whom memories belong to. The namespace comes from the API key and never from a request; the user comes from
 * the request. Agent, run and app are recorded on each memory and narrow a read that names them.
 */
export interface Scope {
  readonly namespace: string
  readonly userId: string
}

/** What may narrow a read within a scope. Absent means: any. */
export interface Narrowing {
  agentId?: string | undefined
  runId?: string | undefined
  appId?: string | undefined
  conversationId?: string | undefined
}

/**
 * The one string that stores, indexes and caches are keyed by. Each part is percent-encoded, so no user id can
 * reach over the separator into another namespace, and a `*` is only ever a literal.
 */
export function scopeKey(scope: Scope): string {
  return `${encodeURIComponent(scope.namespace)}/${encodeURIComponent(scope.userId)}`
}

/** The scope that a key was made of. */
export function parseScopeKey(key: string): Scope {
  const [namespace = '', userId = ''] = key.split('/').map(decodeURIComponent)
  return { namespace, userId }
}

/** RFC 9562 §6.5 name-space UUID under which all identifiers of this product are derived. */
const NAMESPACE = Buffer.from('5f0c3c1f6ab54d3f9d1e1a8a7c1b2e90', 'hex')

/** The namespace with a name behind it, in one buffer for all short names: every turn derives a dozen identifiers. */
const buffer = Buffer.alloc(4096)
NAMESPACE.copy(buffer)

function named(name: string): Buffer {
  const most = 3 * name.length
  if (NAMESPACE.length + most > buffer.length) return Buffer.concat([NAMESPACE, Buffer.from(name)])
  return buffer.subarray(0, NAMESPACE.length + buffer.write(name, NAMESPACE.length))
}

/**
 * A UUID version 5 over the given parts: the same parts give the same identifier on every machine, which is what
 * makes writing the same thing twice an idempotent upsert. SHA-1 as RFC 9562 §5.5 has it; not for secrecy.
 */
export function derivedId(...parts: readonly string[]): string {
  // JSON keeps ['a','b'] and ['a,b'] apart.
  const hex = hashOf('sha1', named(JSON.stringify(parts)), 'hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

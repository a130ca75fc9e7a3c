import { hash } from 'node:crypto'

/** The owner of memories. The namespace comes from the API key, never from a request. */
export interface Scope {
  readonly namespace: string
  readonly userId: string
}

/** Restricts a read within a scope. An absent field matches any value. */
export interface Narrowing {
  agentId?: string | undefined
  runId?: string | undefined
  appId?: string | undefined
  conversationId?: string | undefined
}

/** The key of a scope. Both parts are percent-encoded, so a user id cannot reach another namespace by a slash. */
export function scopeKey(scope: Scope): string {
  return `${encodeURIComponent(scope.namespace)}/${encodeURIComponent(scope.userId)}`
}

export function parseScopeKey(key: string): Scope {
  const [namespace = '', userId = ''] = key.split('/').map(decodeURIComponent)
  return { namespace, userId }
}

/** RFC 9562 §6.5 name-space UUID of all derived identifiers. */
const NAMESPACE = Buffer.from('5f0c3c1f6ab54d3f9d1e1a8a7c1b2e90', 'hex')

/**
 * A UUID version 5 of the given parts: equal parts give the same identifier on every machine, so a repeated write is an
 * idempotent upsert. SHA-1 as in RFC 9562 §5.5; not for secrecy.
 */
export function derivedId(...parts: readonly string[]): string {
  // JSON keeps ['a','b'] and ['a,b'] apart.
  const hex = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(JSON.stringify(parts))]), 'hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

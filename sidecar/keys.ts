import { createHash, timingSafeEqual } from 'node:crypto'

/** A key as configured: its namespace, and the SHA-256 of the secret (the secret itself is not kept). */
export interface ApiKey {
  namespace: string
  sha256: Buffer
}

/** The namespace of a sidecar without keys. */
export const DEFAULT_NAMESPACE = 'default'

export function sha256Of(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

/** The namespace of the key, or `undefined`. Every configured key is compared, so time tells nothing of which. */
export function namespaceOf(secret: string, keys: readonly ApiKey[]): string | undefined {
  const digest = sha256Of(secret)
  let namespace: string | undefined
  for (const key of keys) if (timingSafeEqual(key.sha256, digest)) namespace = key.namespace
  return namespace
}

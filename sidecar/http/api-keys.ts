import { createHash, timingSafeEqual } from 'node:crypto'

/** A configured API key. Only the SHA-256 of the secret is kept. */
export interface ApiKey {
  namespace: string
  sha256: Buffer
}

/** Used by a sidecar without API keys. */
export const DEFAULT_NAMESPACE = 'default'

export function sha256Of(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

/** Returns the namespace of a key. Compares all configured keys, so that the time does not depend on the match. */
export function namespaceOf(secret: string, keys: readonly ApiKey[]): string | undefined {
  const digest = sha256Of(secret)
  let namespace: string | undefined
  for (const key of keys) if (timingSafeEqual(key.sha256, digest)) namespace = key.namespace
  return namespace
}

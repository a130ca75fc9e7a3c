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

/**
 * Parses `name:key` pairs, comma-separated; a key may be given as `sha256:<64 hex digits>`.
 * @throws {Error} that repeats no part of the pair, because name and key may be swapped
 */
export function parseApiKeys(text: string): ApiKey[] {
  const keys: ApiKey[] = []
  const pairs = text.split(',').map((pair) => pair.trim())
  for (const [i, pair] of pairs.filter(Boolean).entries()) {
    const refuse = (expected: string): never => {
      throw new Error(`expected ${expected} (pair ${i + 1})`)
    }
    const colon = pair.indexOf(':')
    const namespace = pair.slice(0, Math.max(0, colon))
    const secret = pair.slice(colon + 1)
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(namespace)) {
      refuse('name:key with a name of 1 to 64 letters, digits, dots, dashes or underscores')
    }
    const hashed = /^sha256:([0-9a-f]{64})$/i.exec(secret)?.[1]
    // An HTTP header cannot carry other characters.
    if (!hashed && (!/^[!-~]{16,}$/.test(secret) || secret.startsWith('sha256:'))) {
      refuse('a key of at least 16 ASCII characters without spaces, or sha256: and 64 hex digits')
    }
    const sha256 = hashed ? Buffer.from(hashed, 'hex') : sha256Of(secret)
    if (keys.some((key) => key.sha256.equals(sha256))) refuse('each key only once')
    keys.push({ namespace, sha256 })
  }
  return keys
}

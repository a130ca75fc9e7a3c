import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Embedder } from '../../ports/embedder.ts'
import { boundedTo } from '../../text/lru.ts'

/** Query vectors in a cache. */
const MAX_ENTRIES = 1000

/**
 * `Embedder.embed` that answers blank texts with the zero vector, because models reject them, and repeated queries from a
 * cache. `embedNew` embeds the others.
 * @param tenantOf queries of different tenants share no vectors; by default there is one tenant
 */
export function withQueryCache(
  dimensions: number,
  embedNew: Embedder['embed'],
  tenantOf: (scope: string) => string = () => '',
): Embedder['embed'] {
  const queries = new LRUCache<string, Float32Array>(boundedTo(MAX_ENTRIES))
  return async (texts, purpose, signal, account) => {
    signal?.throwIfAborted()
    const tenant = tenantOf(account?.scope ?? '')
    const keyOf = (text: string) => createHash('sha256').update(`${tenant}\n${text}`).digest('base64url')
    const known = texts.map((text) => {
      if (text.trim() === '') return new Float32Array(dimensions)
      return purpose === 'query' ? queries.get(keyOf(text))?.slice() : undefined
    })
    const missing = texts.filter((_, i) => !known[i])
    if (missing.length === 0) return known as Float32Array[]
    const fresh = await embedNew(missing, purpose, signal, account)
    if (purpose === 'query') {
      for (const [i, text] of missing.entries()) queries.set(keyOf(text), fresh[i]?.slice())
    }
    let next = 0
    return known.map((vector) => vector ?? (fresh[next++] as Float32Array))
  }
}

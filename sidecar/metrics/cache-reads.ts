import type { AuthorCache } from '../window/author-cache.ts'
import type { Metrics } from './metrics.ts'

/** The same cache, its reads counted by what came of them. */
export function countingReads(cache: AuthorCache, { cacheRead }: Pick<Metrics, 'cacheRead'>): AuthorCache {
  return {
    ...cache,
    async read(...request) {
      const answer = await cache.read(...request)
      cacheRead(answer.status, answer.reason)
      return answer
    },
  }
}

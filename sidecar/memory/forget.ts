import type { Collection, RecordStore, Write } from '../ports/records.ts'
import { PENDING_SCOPE, pendingRecordId } from './pending.ts'

/** What a user owns, memories first: from the first commit on nothing of it is recalled. */
const OWNED: readonly Collection[] = [
  'memories',
  'turns',
  'versions',
  'history',
  'graph',
  'conversations',
  'calls',
]

const PAGE = 500

/**
 * Erases a scope, page by page. A crash in between leaves the rest for the next call: turns go with the mark that
 * they wait, so nothing that is gone is learned from later.
 */
export async function forgetScope(
  store: RecordStore,
  scope: string,
): Promise<{ counts: Record<string, number>; memories: string[] }> {
  const counts: Record<string, number> = { pending: 0 }
  const memories: string[] = []
  for (const collection of OWNED) {
    counts[collection] = 0
    for (;;) {
      const page = await store.scroll(collection, scope, { limit: PAGE })
      if (page.length === 0) break
      const writes: Write[] = page.map(({ id }) => ({ remove: id, collection, scope }))
      if (collection === 'turns') {
        for (const { id, payload } of page) {
          if (payload['state'] !== 'done') counts['pending'] = (counts['pending'] ?? 0) + 1
          writes.push({ remove: pendingRecordId(scope, id), collection: 'pending', scope: PENDING_SCOPE })
        }
      }
      await store.commit(writes)
      counts[collection] += page.length
      if (collection === 'memories') memories.push(...page.map(({ id }) => id))
    }
  }
  return { counts, memories }
}

import type { Collection, RecordStore, StoredRecord, Write } from '../ports/records.ts'
import type { PastVersion } from './history.ts'
import { removePending } from './pending.ts'

/** What a user owns, memories first: from the first commit on nothing of it is recalled. */
export const OWNED = [
  'memories',
  'turns',
  'versions',
  'history',
  'graph',
  'conversations',
  'calls',
] as const satisfies readonly Collection[]

const PAGE = 500

/**
 * Erases a scope, page by page. A crash in between leaves the rest for the next call: turns go with the mark that
 * they wait, so nothing that is gone is learned from later.
 * @param onGone is told which memories are gone, after each page of them
 */
export async function forgetScope(
  store: RecordStore,
  scope: string,
  onGone: (memories: string[]) => Promise<void>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = { pending: 0 }
  for (const collection of OWNED) {
    counts[collection] = 0
    for (;;) {
      const page = await store.scroll(collection, scope, { limit: PAGE })
      if (page.length === 0) break
      const writes: Write[] = page.map(({ id }) => ({ remove: id, collection, scope }))
      if (collection === 'turns') {
        for (const { id, payload } of page) {
          if (payload['state'] !== 'done') counts['pending'] = (counts['pending'] ?? 0) + 1
          writes.push(removePending(scope, id))
        }
      }
      await store.commit(writes)
      // A version of its own is not what the mark of an end is, which holds the last one once more.
      counts[collection] += collection === 'versions' ? page.filter(isVersion).length : page.length
      if (collection === 'memories') await onGone(page.map(({ id }) => id))
    }
  }
  return counts
}

function isVersion({ id, payload }: StoredRecord): boolean {
  return id !== (payload as unknown as PastVersion).memory.id
}

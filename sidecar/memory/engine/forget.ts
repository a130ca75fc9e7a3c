import type { Collection, RecordStore, Write } from '../../ports/records.ts'
import { removePending } from '../repositories/pending.ts'
import { removeUnembeddedNote } from '../repositories/unembedded.ts'
import { isEndMarker } from '../repositories/versions.ts'

/** The collections of a user. Memories are first: after the first commits nothing is recalled. */
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
 * Erases a scope page by page, including damaged records. After a crash the next call erases the rest. A turn and its
 * pending record are removed in one commit, so no erased turn is extracted later.
 * @returns the number of removed records per collection; end markers of memories do not count as versions
 */
export async function forgetScope(
  store: RecordStore,
  scope: string,
  onRemoved: (memoryIds: string[]) => Promise<void>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = { pending: 0 }
  for (const collection of OWNED) {
    counts[collection] = 0
    for (;;) {
      const page = await store.scroll(collection, scope, { limit: PAGE, withVectors: false })
      if (page.length === 0) break
      const writes: Write[] = page.map(({ id }) => ({ remove: id, collection, scope }))
      if (collection === 'turns') {
        const pending = page.filter(({ payload }) => payload['state'] !== 'done')
        counts['pending'] = (counts['pending'] ?? 0) + pending.length
        writes.push(...page.map(({ id }) => removePending(scope, id)))
      }
      await store.commit(writes)
      const counted = collection === 'versions' ? page.filter((record) => !isEndMarker(record)) : page
      counts[collection] += counted.length
      if (collection === 'memories') await onRemoved(page.map(({ id }) => id))
    }
  }
  await store.commit([removeUnembeddedNote(scope)])
  return counts
}

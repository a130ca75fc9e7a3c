import { type RecordStore, type SearchEntry, scopesOf, scrollPages } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import { readMemory } from '../repositories/memories.ts'
import { getSearchNote, saveSearchNote } from '../repositories/meta.ts'
import { type OnInvalidRecord, tryRead } from '../repositories/record.ts'
import { ENTRY_VERSION, searchEntriesOf } from '../search/entry.ts'

const PAGE = 250

/**
 * Gives every memory the search entry of this version, if the store was written by another one. Can be interrupted and
 * repeated. Must complete before anything is searched.
 * @param onProgress called after each scope with the scopes and memories done so far
 */
export async function updateSearchIndex(
  store: RecordStore,
  lock: Pick<ScopeLock, 'run'>,
  onInvalid: OnInvalidRecord,
  onProgress: (scopes: number, memories: number) => void,
): Promise<void> {
  if ((await getSearchNote(store))?.version === ENTRY_VERSION) return
  let scopes = 0
  let memories = 0
  for await (const scope of scopesOf(store, 'memories')) {
    await lock.run(scope, async () => {
      for await (const page of scrollPages(store, 'memories', scope, { limit: PAGE })) {
        const readable = page.flatMap((record) => {
          const memory = tryRead(record, readMemory, onInvalid)?.memory
          return memory ? [{ record, memory }] : []
        })
        const entries = await searchEntriesOf(readable.map(({ memory }) => memory))
        await store.commit(
          readable.map(({ record }, i) => ({
            put: { ...record, search: entries[i] as SearchEntry },
            collection: 'memories',
            scope,
          })),
        )
        memories += readable.length
      }
    })
    scopes += 1
    onProgress(scopes, memories)
  }
  await saveSearchNote(store, { version: ENTRY_VERSION })
}

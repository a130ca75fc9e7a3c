import type { Collection, RecordStore, StoredRecord } from '../../ports/records.ts'

export interface Read {
  collection: Collection
  id: string
}

/** A view of a store that returns records of one scope that were read before, until the next commit. */
export function openReadAhead(store: RecordStore, scope: string) {
  const known = new Map<string, StoredRecord | undefined>()
  const keyOf = ({ collection, id }: Read) => `${collection}/${id}`
  const view: RecordStore = {
    ...store,
    async get(collection, of, id) {
      const key = keyOf({ collection, id })
      return of === scope && known.has(key) ? known.get(key) : await store.get(collection, of, id)
    },
    async commit(writes) {
      known.clear()
      await store.commit(writes)
    },
  }
  return {
    view,
    /** Reads records with one request, if the store has one for that. */
    async load(reads: readonly Read[]): Promise<void> {
      if (!store.getMany || reads.length === 0) return
      const missing = [...new Map(reads.map((one) => [keyOf(one), one])).values()]
      const found = await store.getMany(scope, missing)
      for (const [i, one] of missing.entries()) known.set(keyOf(one), found[i])
    },
  }
}

import type { Collection, RecordStore, StoredRecord, Write } from '../../sidecar/ports/records.ts'

/** A store, and the same data in a store that is opened anew as after a restart. */
export interface RecordsSubject {
  store: RecordStore
  reopen: () => Promise<RecordStore>
}

export const SCOPE = 'default/ada'

export function put(
  id: string,
  rest: Partial<StoredRecord> & { scope?: string; collection?: Collection } = {},
): Write {
  const { scope = SCOPE, collection = 'memories', ...record } = rest
  return { put: { id, order: 1, payload: { text: id }, ...record }, collection, scope }
}

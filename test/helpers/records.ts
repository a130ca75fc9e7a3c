import {
  COLLECTIONS,
  type RecordStore,
  scopesOf,
  scrollAll,
  type Write,
} from '../../sidecar/ports/records.ts'

/** All records of a store, as the writes that copy them to another one: a copy takes a hundredth of the time of their turns. */
export async function readAll(records: RecordStore): Promise<Write[]> {
  const writes: Write[] = []
  for (const collection of COLLECTIONS) {
    for await (const scope of scopesOf(records, collection)) {
      for await (const put of scrollAll(records, collection, scope)) writes.push({ collection, scope, put })
    }
  }
  return writes
}

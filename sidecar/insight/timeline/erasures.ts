import { derivedId } from '../../memory/model/scope.ts'
import { type RecordStore, scrollAll, type Write } from '../../ports/records.ts'

/*
 * Which users were erased recently, by a hash of their scope: another process may still hold unwritten rows of such a
 * user. An erasure is recorded first; every writer checks afterwards and deletes rows that are older.
 */

/** Scope of these records. Cannot collide with the scope of a user, which contains a slash. */
const SCOPE = 'forgotten'
/** Milliseconds; longer than a row can stay pending in another process. */
const RETENTION_MS = 3_600_000

const idOf = (scope: string) => derivedId('forgotten', scope)

/** Also removes the erasures that are older than the retention. */
export async function recordErasure(records: RecordStore, scope: string, at: number): Promise<void> {
  const writes: Write[] = []
  for await (const { id, order } of scrollAll(records, 'timeline', SCOPE)) {
    if (order >= at - RETENTION_MS) break
    writes.push({ remove: id, collection: 'timeline', scope: SCOPE })
  }
  const put = { id: idOf(scope), order: at, payload: { at } }
  await records.commit([...writes, { put, collection: 'timeline', scope: SCOPE }])
}

/** Returns a lookup of the last erasure of a scope, epoch milliseconds. */
export async function readErasures(records: RecordStore): Promise<(scope: string) => number | undefined> {
  const times = new Map<string, number>()
  for await (const { id, order } of scrollAll(records, 'timeline', SCOPE)) times.set(id, order)
  return (scope) => (times.size === 0 ? undefined : times.get(idOf(scope)))
}

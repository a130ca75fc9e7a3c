import { derivedId } from '../../memory/model/scope.ts'
import { type RecordStore, scrollAll, type Write } from '../../ports/records.ts'

/** Scope of these records. Cannot collide with the scope of a user, which contains a slash. */
const SCOPE = 'forgotten'
/** Milliseconds; longer than a row can stay pending in another process. */
const RETENTION_MS = 3_600_000

/**
 * Records which users were erased recently, by a hash of their scope: another process may still hold unwritten rows
 * of such a user. An erasure is recorded first; every writer checks afterwards and deletes rows that are older.
 */
export interface Erasures {
  record(scope: string, at: number): Promise<void>
  /** Reads the erasures at or after a time; returns a lookup of the last one of a scope, in epoch milliseconds. */
  since(at: number): Promise<(scope: string) => number | undefined>
}

export function createErasures(records: RecordStore): Erasures {
  const idOf = (scope: string) => derivedId('forgotten', scope)
  return {
    async record(scope, at) {
      const writes: Write[] = []
      for await (const { id, order } of scrollAll(records, 'timeline', SCOPE)) {
        if (order < at - RETENTION_MS) writes.push({ remove: id, collection: 'timeline', scope: SCOPE })
      }
      const put = { id: idOf(scope), order: at, payload: { at } }
      await records.commit([...writes, { put, collection: 'timeline', scope: SCOPE }])
    },
    async since(at) {
      const times = new Map<string, number>()
      for await (const { id, order } of scrollAll(records, 'timeline', SCOPE, 100, 'descending')) {
        if (order < at) break
        times.set(id, order)
      }
      return (scope) => (times.size === 0 ? undefined : times.get(idOf(scope)))
    },
  }
}

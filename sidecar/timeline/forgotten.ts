import { type RecordStore, scrollAll, type Write } from '../ports/records.ts'
import { derivedId } from '../scope.ts'

/** Scope of the records. No user's scope is without a slash. */
const FORGOTTEN = 'forgotten'
/** Milliseconds for which it is known that a scope was forgotten: longer than rows wait anywhere. */
const KEPT_MS = 3_600_000

/**
 * Which scopes were forgotten lately, by a digest of their names: another process may hold rows of one that it has yet
 * to write. Whoever writes rows asks afterwards, and takes back what is from before; whoever forgets says so first.
 */
export interface Forgotten {
  note(scope: string, at: number): Promise<void>
  /** When scopes were forgotten last, epoch milliseconds; of all that were at a time or after it, or `undefined`. */
  since(at: number): Promise<(scope: string) => number | undefined>
}

export function createForgotten(records: RecordStore): Forgotten {
  const idOf = (scope: string) => derivedId('forgotten', scope)
  return {
    async note(scope, at) {
      const writes: Write[] = []
      for await (const { id, order } of scrollAll(records, 'timeline', FORGOTTEN)) {
        if (order < at - KEPT_MS) writes.push({ remove: id, collection: 'timeline', scope: FORGOTTEN })
      }
      const put = { id: idOf(scope), order: at, payload: { at } }
      await records.commit([...writes, { put, collection: 'timeline', scope: FORGOTTEN }])
    },
    async since(at) {
      const times = new Map<string, number>()
      for await (const { id, order } of scrollAll(records, 'timeline', FORGOTTEN, 100, 'descending')) {
        if (order < at) break
        times.set(id, order)
      }
      return (scope) => (times.size === 0 ? undefined : times.get(idOf(scope)))
    },
  }
}

import { type RecordStore, scrollAll } from '../ports/records.ts'
import { derivedId } from '../scope.ts'

/** What a scope state is told of a change; the later of them says all that the earlier say. */
export const TIDINGS = ['epoch', 'fence', 'clear'] as const
export type Tidings = (typeof TIDINGS)[number]

export interface Debt {
  scope: string
  what: Tidings
}

/** Stores undelivered change notices in the record store, so that they survive a crash. */
export interface Debts {
  put(debt: Debt): Promise<void>
  remove(scope: string): Promise<void>
  all(): AsyncIterable<Debt>
}

/** Scope of the records, in `meta`. No user's scope is without a slash. */
const OWED = 'owed'

export function createDebts(records: RecordStore): Debts {
  const idOf = ({ scope, what }: Debt) => derivedId('owed', scope, what)
  return {
    async put({ scope, what }) {
      // One each, so that no process writes over the greater debt of another.
      const put = { id: idOf({ scope, what }), order: 0, payload: { scope, what } }
      await records.commit([{ put, collection: 'meta', scope: OWED }])
    },
    async remove(scope) {
      const ids = TIDINGS.map((what) => idOf({ scope, what }))
      await records.commit(ids.map((id) => ({ remove: id, collection: 'meta', scope: OWED })))
    },
    async *all() {
      for await (const { payload } of scrollAll(records, 'meta', OWED)) yield payload as unknown as Debt
    },
  }
}

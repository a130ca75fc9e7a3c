import { z } from 'zod'
import { type RecordStore, scrollAll } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { putMeta } from '../repositories/meta.ts'
import { type OnInvalidRecord, readEach, recordReader } from '../repositories/record.ts'

/** What the scope state is told of a change. Each notice includes those before it. */
export const CHANGE_NOTICES = ['epoch', 'fence', 'clear'] as const
export type ChangeNotice = (typeof CHANGE_NOTICES)[number]

export interface Debt {
  scope: string
  what: ChangeNotice
}

/** What has yet to be told to the scope state: kept where the memories are, so that it outlives the process. */
export interface Debts {
  put(debt: Debt): Promise<void>
  remove(scope: string): Promise<void>
  all(): AsyncIterable<Debt>
}

/** Scope of the records, in `meta`. No user's scope is without a slash. */
const OWED = 'owed'

const readDebt = recordReader<Debt>(
  'meta',
  z.looseObject({ scope: z.string(), what: z.enum(CHANGE_NOTICES) }),
)

export function createDebts(records: RecordStore, onInvalid?: OnInvalidRecord): Debts {
  const idOf = ({ scope, what }: Debt) => derivedId('owed', scope, what)
  return {
    async put({ scope, what }) {
      // One record per notice, so that no process overwrites a stronger notice of another.
      await records.commit([putMeta(OWED, idOf({ scope, what }), { scope, what })])
    },
    async remove(scope) {
      const ids = CHANGE_NOTICES.map((what) => idOf({ scope, what }))
      await records.commit(ids.map((id) => ({ remove: id, collection: 'meta', scope: OWED })))
    },
    all: () => readEach(scrollAll(records, 'meta', OWED), readDebt, onInvalid),
  }
}

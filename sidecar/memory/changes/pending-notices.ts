import { z } from 'zod'
import { type RecordStore, scrollAll } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { putMeta } from '../repositories/meta.ts'
import { type OnInvalidRecord, readEach, recordReader } from '../repositories/record.ts'

/** The effect of a change on the scope state, weakest first; each one includes those before it. */
export const CHANGE_NOTICES = ['epoch', 'fence', 'clear'] as const
export type ChangeNotice = (typeof CHANGE_NOTICES)[number]

export interface PendingNotice {
  scope: string
  what: ChangeNotice
}

/** Stores undelivered change notices in the record store, so that they survive a crash. */
export interface NoticeStore {
  put(notice: PendingNotice): Promise<void>
  remove(scope: string): Promise<void>
  all(): AsyncIterable<PendingNotice>
}

/** Scope of the records, in `meta`. Cannot collide with the scope of a user, which contains a slash. */
const SCOPE = 'owed'

const readNotice = recordReader<PendingNotice>(
  'meta',
  z.looseObject({ scope: z.string(), what: z.enum(CHANGE_NOTICES) }),
)

export function createNoticeStore(records: RecordStore, onInvalid?: OnInvalidRecord): NoticeStore {
  const idOf = ({ scope, what }: PendingNotice) => derivedId('owed', scope, what)
  return {
    async put({ scope, what }) {
      // One record per notice, so that no process overwrites a stronger notice of another.
      await records.commit([putMeta(SCOPE, idOf({ scope, what }), { scope, what })])
    },
    async remove(scope) {
      const ids = CHANGE_NOTICES.map((what) => idOf({ scope, what }))
      await records.commit(ids.map((id) => ({ remove: id, collection: 'meta', scope: SCOPE })))
    },
    all: () => readEach(scrollAll(records, 'meta', SCOPE), readNotice, onInvalid),
  }
}

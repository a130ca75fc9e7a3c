import { z } from 'zod'
import type { RecordStore } from '../../ports/records.ts'
import { derivedId } from '../model/scope.ts'
import { type OnInvalidRecord, recordsOf } from '../repositories/record.ts'

/** What the scope state is told of a change. Each notice includes those before it. */
export const CHANGE_NOTICES = ['epoch', 'fence', 'clear'] as const
export type ChangeNotice = (typeof CHANGE_NOTICES)[number]

export interface PendingNotice {
  scope: string
  notice: ChangeNotice
}

/** Scope of the records in `meta`. Differs from every user's scope, which contains a slash. */
const SCOPE = 'owed'

const stored = recordsOf(
  'meta',
  z.looseObject({ scope: z.string(), what: z.enum(CHANGE_NOTICES) }),
  ({ scope, what }): PendingNotice => ({ scope, notice: what }),
)

/** Undelivered change notices, stored with the memories, so that they outlive the process. */
export function createNoticeStore(records: RecordStore, onInvalid?: OnInvalidRecord) {
  const idOf = (scope: string, notice: ChangeNotice) => derivedId('owed', scope, notice)
  return {
    async put({ scope, notice }: PendingNotice) {
      // One record per notice, so that no process overwrites a stronger notice of another.
      await records.commit([stored.put(SCOPE, idOf(scope, notice), 0, { scope, what: notice })])
    },
    async remove(scope: string) {
      await records.commit(CHANGE_NOTICES.map((notice) => stored.remove(SCOPE, idOf(scope, notice))))
    },
    all: () => stored.scroll(records, SCOPE, onInvalid),
  }
}

export type NoticeStore = ReturnType<typeof createNoticeStore>

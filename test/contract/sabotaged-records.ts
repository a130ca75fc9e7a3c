import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'
import { sqliteInProcess } from '../helpers/sqlite.ts'
import { tempDir } from '../helpers/temp-dir.ts'
import type { Open } from './contract.ts'
import type { RecordsSubject } from './records-subject.ts'

/** Replaces methods of a correct store. */
export type Sabotage = (honest: RecordStore) => Partial<RecordStore>

/** A store on SQLite with a fault, also after it is reopened. */
export function openSabotagedRecords(
  sabotage: Sabotage = () => ({}),
  path = () => `${tempDir()}/records.db`,
): Open<RecordsSubject> {
  return async () => {
    const file = path()
    const stores: RecordStore[] = []
    const open = (): RecordStore => {
      const honest = openSqliteRecords(file, { client: sqliteInProcess })
      stores.push(honest)
      return { ...honest, ...sabotage(honest) }
    }
    const store = open()
    return {
      subject: {
        store,
        async reopen() {
          await store.close()
          return open()
        },
      },
      async close() {
        for (const one of stores) await one.close()
      },
    }
  }
}

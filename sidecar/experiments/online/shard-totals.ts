import type { RecordStore } from '../../ports/records.ts'
import { type ShardTotals, TOTALS_ID, totalsRecords } from './unit-record.ts'

export async function readTotals(records: RecordStore, scope: string): Promise<ShardTotals> {
  return (await totalsRecords.get(records, scope, TOTALS_ID)) ?? { arms: {}, live: 0, conflicts: 0 }
}

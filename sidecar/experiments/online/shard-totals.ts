import { derivedId } from '../../memory/model/scope.ts'
import type { RecordStore, Write } from '../../ports/records.ts'
import { PACK_ORDER, type ShardTotals, totalsRecords } from './unit-record.ts'

export const TOTALS_ID = derivedId('totals')

export async function readTotals(records: RecordStore, scope: string): Promise<ShardTotals> {
  return (await totalsRecords.get(records, scope, TOTALS_ID)) ?? { arms: {}, live: 0, conflicts: 0 }
}

export function putTotals(scope: string, totals: ShardTotals): Write {
  return totalsRecords.put(scope, TOTALS_ID, PACK_ORDER, totals)
}

export function armTotals({ arms }: ShardTotals, arm: string): { units: number; turns: number } {
  if (!Object.hasOwn(arms, arm)) arms[arm] = { units: 0, turns: 0 }
  return arms[arm] as { units: number; turns: number }
}

import { z } from 'zod'
import { derivedId } from '../../memory/model/scope.ts'
import { recordsOf } from '../../memory/repositories/record.ts'
import type { Write } from '../../ports/records.ts'
import { unitSummary } from '../model.ts'

/** A unit as stored. */
const storedUnit = z.object({
  /** `null` after the user was erased. */
  user_id: z.string().nullable(),
  /** Also `null` where the unit is a user. */
  conversation_id: z.string().nullable(),
  /** Latest row, epoch milliseconds. */
  seen: z.number(),
  /** Ids of the latest rows. */
  recent: z.array(z.string()),
  /** The latest outcomes that can be replaced. */
  values: z.array(z.object({ name: z.string(), id: z.string(), value: z.number() })),
  summary: unitSummary,
})

export type StoredUnit = z.output<typeof storedUnit>

/** Sums over a shard of an experiment, so that a list of experiments need not read their units. */
const shardTotals = z.object({
  arms: z.record(z.string(), z.object({ units: z.number(), turns: z.number() })),
  /** Units with a record of their own. */
  live: z.number(),
  /** Rows of a unit with another arm than the unit; not counted in it. */
  conflicts: z.number(),
})

export type ShardTotals = z.output<typeof shardTotals>

/** Order of the records in a shard: totals and packs, then live units by `seen`. */
export const PACK_ORDER = 0
export const TOTALS_ID = derivedId('totals')

export const liveUnits = recordsOf('experiments', storedUnit)
export const totalsRecords = recordsOf('experiments', shardTotals)

/** Live units are ordered by the time of their latest row, in microseconds, after packs and totals. */
function liveOrder({ seen }: StoredUnit): number {
  return Math.min(Math.max(1, Math.round(seen) * 1000), Number.MAX_SAFE_INTEGER)
}

/** Packs and totals precede this position, live units follow it. Ids are hexadecimal. */
export const LAST_PACK = { order: PACK_ORDER, id: 'g' }

export function putLive(scope: string, id: string, unit: StoredUnit): Write {
  return liveUnits.put(scope, id, liveOrder(unit), unit)
}

export function putTotals(scope: string, totals: ShardTotals): Write {
  return totalsRecords.put(scope, TOTALS_ID, PACK_ORDER, totals)
}

export function armTotals({ arms }: ShardTotals, arm: string): { units: number; turns: number } {
  if (!Object.hasOwn(arms, arm)) arms[arm] = { units: 0, turns: 0 }
  return arms[arm] as { units: number; turns: number }
}

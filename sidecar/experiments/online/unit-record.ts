import { z } from 'zod'
import { derivedId } from '../../memory/model/scope.ts'
import { recordsOf } from '../../memory/repositories/record.ts'
import type { Write } from '../../ports/records.ts'
import { type UnitSummary, unitSummary } from '../model.ts'

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

/** Packed units by record id, as text: a report reads 100,000 units several times as fast from a few records. */
export interface UnitPack {
  units: Record<string, string>
}

/** Checking each of 100,000 texts would take a third of a second. */
const unitPack = z.object({
  units: z.custom<UnitPack['units']>((units) => typeof units === 'object' && units !== null),
})

/** Order of the records in a shard: totals and packs, then live units by `seen`. */
export const PACK_ORDER = 0
export const TOTALS_ID = derivedId('totals')

export const liveUnits = recordsOf('experiments', storedUnit)
export const packs = recordsOf('experiments', unitPack)
export const totalsRecords = recordsOf('experiments', shardTotals)

/** Live units are ordered by the time of their latest row, in microseconds, after packs and totals. */
function liveOrder({ seen }: StoredUnit): number {
  return Math.min(Math.max(1, Math.round(seen) * 1000), Number.MAX_SAFE_INTEGER)
}

/** Two lines of JSON: the summary, which is all that a report reads, and the rest. */
export function pack({ summary, ...rest }: StoredUnit): string {
  return `${JSON.stringify(summary)}\n${JSON.stringify(rest)}`
}

/** Not validated, because only `pack` writes packed units. */
export function unpack(text: string): StoredUnit {
  return { ...JSON.parse(text.slice(text.indexOf('\n'))), summary: JSON.parse(summaryLine(text)) }
}

/** The part of a packed unit that a report reads, with its line feed. */
export function summaryLine(text: string): string {
  return text.slice(0, text.indexOf('\n') + 1)
}

/** Units of a shard. */
export interface ShardUnits {
  units: UnitSummary[]
  /** Summaries of packed units as lines of JSON: one text is sent to a thread several times as fast as many. */
  packed: string
}

/** Parses the packed units: about 15 µs each. */
export function* unpackShard({ units, packed }: ShardUnits): Generator<UnitSummary> {
  yield* units
  for (const line of packed.split('\n')) if (line !== '') yield JSON.parse(line)
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

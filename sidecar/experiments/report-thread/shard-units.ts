import type { UnitSummary } from '../model.ts'
import { unpackSummary } from '../packed-summary.ts'

/*
 * Read in the thread that computes a report, so it imports no schemas: to load them would take a tenth of a second.
 */

/** Units of a shard. */
export interface ShardUnits {
  units: UnitSummary[]
  /** Summaries of packed units as lines: one text is sent to a thread several times as fast as many. */
  packed: string
}

/** Parses the packed units: about 2 µs each. */
export function* unpackShard({ units, packed }: ShardUnits): Generator<UnitSummary> {
  yield* units
  for (const line of packed.split('\n')) if (line !== '') yield unpackSummary(line)
}

import { onTestFinished } from 'vitest'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import type { UnitSummary } from '../../../../sidecar/experiments/model.ts'
import { type Place, placeOf } from '../../../../sidecar/experiments/online/places.ts'
import type { ExposureRow } from '../../../../sidecar/experiments/online/summary.ts'
import { UnitStore } from '../../../../sidecar/experiments/online/unit-store.ts'
import { unpackShard } from '../../../../sidecar/experiments/report-thread/shard-units.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

export const EXPERIMENT = { name: 'e', salt: 'salt', unit: 'conversation' as const }

export function place(conversationId: string, userId = 'ada'): Place {
  return placeOf({ namespace: 'default', userId }, EXPERIMENT, conversationId) as Place
}

/** An exposure whose sums are exact in floating point. */
export function exposure(id: string, rest: Partial<ExposureRow> = {}): ExposureRow {
  return {
    kind: 'exposure',
    id,
    arm: 'a',
    at: 1000,
    cache: 'hit.hit',
    isDegraded: false,
    isEmpty: false,
    tokens: 700,
    billedTokens: 70,
    prefixTokens: 700,
    latency: 3,
    tookMs: { embed: 0, search: 1, render: 0.5, total: 2 },
    ...rest,
  }
}

export function openUnits(wrap: (records: RecordStore) => RecordStore = (one) => one, keptLive?: number) {
  const opened = openMemoryRecords()
  onTestFinished(() => opened.close())
  const records = wrap(opened)
  const units = new UnitStore({ records, lock: createInProcessScopeLock(), keptLive })
  return {
    records: opened,
    units,
    assign: async (one: Place, arm = 'a', at = 1) =>
      await units.assign(
        one,
        () => at,
        async () => arm,
      ),
    async summaries(): Promise<UnitSummary[]> {
      const shards = await Array.fromAsync(units.summaries('default', EXPERIMENT.salt, new Map()))
      return shards.flatMap((shard) => [...unpackShard(shard)])
    },
  }
}

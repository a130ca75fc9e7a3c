import { z } from 'zod'
import type { Collection, RecordStore, StoredRecord, Write } from '../../ports/records.ts'
import { type PastVersion, versionRecordId } from '../model/history.ts'
import { memorySchema } from './memories.ts'
import { type OnInvalidRecord, recordsOf } from './record.ts'

/** A past version with its embedding. */
export interface HeldPast {
  past: PastVersion
  dense: Float32Array | undefined
}

const versions = recordsOf(
  'versions',
  z.looseObject({
    memory: memorySchema,
    valid_until: z.number(),
    ended: z.boolean(),
    deleted_by_hand: z.literal(true).optional(),
  }),
  (past, { dense }): HeldPast => ({ past, dense }),
)

export const { read: readPastVersion, remove: removeEndMarker } = versions

export async function getPastVersion(
  store: Pick<RecordStore, 'get'>,
  scope: string,
  memoryId: string,
  version: number,
): Promise<HeldPast | undefined> {
  return await versions.get(store, scope, versionRecordId(memoryId, version))
}

/** The last version of a memory that has ended; `undefined` for a current or unknown memory. */
export async function getEnded(
  store: RecordStore,
  scope: string,
  memoryId: string,
): Promise<PastVersion | undefined> {
  const past = (await versions.get(store, scope, memoryId))?.past
  return past?.memory.id === memoryId ? past : undefined
}

/** The records that tell whether a memory is current, ended or unknown. */
export function readsOfMemory(id: string): { collection: Collection; id: string }[] {
  return [
    { collection: 'memories', id },
    { collection: 'versions', id },
  ]
}

/** All past versions of a scope, without the end markers. Invalid records are skipped where `onInvalid` is given. */
export function scrollPastVersions(
  store: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
  signal?: AbortSignal,
): AsyncGenerator<HeldPast> {
  return versions.scroll(store, scope, onInvalid, { accept: (record) => !isEndMarker(record), signal })
}

export function putPastVersion(scope: string, past: PastVersion, dense: Float32Array | undefined): Write {
  const { id, version, order } = past.memory
  return versions.put(scope, versionRecordId(id, version), order, past, { dense })
}

/** Marks a memory as ended with a version. The marker is never searched, so it has no embedding. */
export function putEndMarker(scope: string, past: PastVersion): Write {
  return versions.put(scope, past.memory.id, past.memory.order, past)
}

/** The record under a memory's own id marks the end of the memory; versions have ids of their own. */
export function isEndMarker({ id, payload }: Pick<StoredRecord, 'id' | 'payload'>): boolean {
  return (payload['memory'] as { id?: unknown } | undefined)?.id === id
}

import { z } from 'zod'
import { type RecordStore, type StoredRecord, scrollAll, type Write } from '../../ports/records.ts'
import { type PastVersion, versionRecordId } from '../model/history.ts'
import { memorySchema } from './memories.ts'
import { getRecord, type OnInvalidRecord, readEach, recordReader, toPayload } from './record.ts'

/** A past version with its embedding. */
export interface HeldPast {
  past: PastVersion
  dense: Float32Array | undefined
}

export const readPastVersion = recordReader<PastVersion>(
  'versions',
  z.looseObject({ memory: memorySchema, valid_until: z.number(), ended: z.boolean() }),
)

const readHeldPast = (record: StoredRecord): HeldPast => ({
  past: readPastVersion(record),
  dense: record.dense,
})

export async function getPastVersion(
  store: RecordStore,
  scope: string,
  memoryId: string,
  version: number,
): Promise<HeldPast | undefined> {
  return await getRecord(store, 'versions', scope, versionRecordId(memoryId, version), readHeldPast)
}

/** The last version of a memory that has ended; `undefined` for a current or unknown memory. */
export async function getEnded(
  store: RecordStore,
  scope: string,
  memoryId: string,
): Promise<PastVersion | undefined> {
  const past = await getRecord(store, 'versions', scope, memoryId, readPastVersion)
  return past?.memory.id === memoryId ? past : undefined
}

/** All past versions of a scope, without the end markers. Invalid records are skipped where `onInvalid` is given. */
export async function* scrollPastVersions(
  store: RecordStore,
  scope: string,
  onInvalid?: OnInvalidRecord,
): AsyncGenerator<HeldPast> {
  const versions = async function* () {
    for await (const record of scrollAll(store, 'versions', scope)) if (!isEndMarker(record)) yield record
  }
  yield* readEach(versions(), readHeldPast, onInvalid)
}

export function putPastVersion(scope: string, past: PastVersion, dense: Float32Array | undefined): Write {
  const { id, version, order } = past.memory
  const put = { id: versionRecordId(id, version), order, payload: toPayload(past), dense }
  return { put, collection: 'versions', scope }
}

/** Marks a memory as ended with a version. The marker is never searched, so it has no embedding. */
export function putEndMarker(scope: string, past: PastVersion): Write {
  const { id, order } = past.memory
  return { put: { id, order, payload: toPayload(past) }, collection: 'versions', scope }
}

export function removeEndMarker(scope: string, memoryId: string): Write {
  return { remove: memoryId, collection: 'versions', scope }
}

/** The record under a memory's own identifier marks the end of the memory; versions have their own identifiers. */
export function isEndMarker({ id, payload }: Pick<StoredRecord, 'id' | 'payload'>): boolean {
  return (payload['memory'] as { id?: unknown } | undefined)?.id === id
}

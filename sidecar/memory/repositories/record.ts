import type { z } from 'zod'
import type { Log } from '../../ports/log.ts'
import type { Collection, JsonObject, RecordStore, StoredRecord } from '../../ports/records.ts'
import { InvalidRecord, parsePayload } from './payload.ts'

/** Called with each invalid record that a read skips. */
export type OnInvalidRecord = (error: InvalidRecord) => void

export function logInvalidRecord(log: Pick<Log, 'error'>): OnInvalidRecord {
  return ({ message }) => log.error('invalid record skipped', { error: message })
}

/**
 * Returns a function that checks the payload of a record against a schema and answers it as it is stored, with
 * fields that the schema does not know.
 * @throws {InvalidRecord}
 */
export function recordReader<T>(collection: Collection, schema: z.ZodType) {
  return (record: Pick<StoredRecord, 'id' | 'payload'>): T => {
    parsePayload(collection, record, schema)
    return record.payload as unknown as T
  }
}

/** Reads a record by its identifier. */
export async function getRecord<T>(
  store: Pick<RecordStore, 'get'>,
  collection: Collection,
  scope: string,
  id: string,
  read: (record: StoredRecord) => T,
): Promise<T | undefined> {
  const record = await store.get(collection, scope, id)
  return record && read(record)
}

/** Reads a record; an invalid one is reported to `onInvalid` and answered as `undefined`, or throws without it. */
export function tryRead<T>(
  record: StoredRecord,
  read: (record: StoredRecord) => T,
  onInvalid: OnInvalidRecord | undefined,
): T | undefined {
  try {
    return read(record)
  } catch (error) {
    if (!onInvalid || !(error instanceof InvalidRecord)) throw error
    onInvalid(error)
    return undefined
  }
}

/** Reads each record; invalid records as in `tryRead`. */
export async function* readEach<T>(
  records: AsyncIterable<StoredRecord>,
  read: (record: StoredRecord) => T,
  onInvalid?: OnInvalidRecord,
): AsyncGenerator<T> {
  for await (const record of records) {
    const value = tryRead(record, read, onInvalid)
    if (value !== undefined) yield value
  }
}

export function toPayload(value: object): JsonObject {
  return value as unknown as JsonObject
}

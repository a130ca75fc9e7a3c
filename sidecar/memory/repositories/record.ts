import type { z } from 'zod'
import { AppError } from '../../ports/errors.ts'
import type { Log } from '../../ports/log.ts'
import {
  type Collection,
  type JsonObject,
  type RecordStore,
  type StoredRecord,
  scrollAll,
  type Write,
} from '../../ports/records.ts'

/** A stored record does not match the schema of its collection. The message holds no text of the user. */
class InvalidRecord extends AppError {
  constructor(collection: Collection, id: string, error: z.ZodError) {
    const [issue] = error.issues
    const field = issue?.path.join('.') || 'payload'
    super(
      'internal',
      `Record ${id} in collection ${collection} is invalid: ${field}: ${issue?.message}. Delete or repair this record.`,
      { cause: error },
    )
  }
}

/** Called with each invalid record that a read skips. */
export type OnInvalidRecord = (error: InvalidRecord) => void

export function logInvalidRecord(log: Pick<Log, 'error'>): OnInvalidRecord {
  return ({ message }) => log.error('invalid record skipped', { error: message })
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

type Extras = Pick<StoredRecord, 'dense' | 'search'>

/** Typed access to the records of a collection. Reads throw `InvalidRecord` for a payload that violates the schema. */
export function recordsOf<S extends z.ZodType, T = z.output<S>>(
  collection: Collection,
  schema: S,
  map: (value: z.output<S>, record: Extras) => T = (value) => value as T,
) {
  const read = (record: Pick<StoredRecord, 'id' | 'payload'> & Extras): T => {
    const { success, data, error } = schema.safeParse(record.payload)
    if (!success) throw new InvalidRecord(collection, record.id, error)
    return map(data, record)
  }
  return {
    read,
    async get(store: Pick<RecordStore, 'get'>, scope: string, id: string): Promise<T | undefined> {
      const record = await store.get(collection, scope, id)
      return record && read(record)
    },
    /** All records of a scope, in their order. Invalid records are skipped where `onInvalid` is given. */
    async *scroll(
      store: RecordStore,
      scope: string,
      onInvalid?: OnInvalidRecord,
      {
        accept = () => true,
        signal,
      }: { accept?: (record: StoredRecord) => boolean; signal?: AbortSignal | undefined } = {},
    ): AsyncGenerator<T> {
      for await (const record of scrollAll(store, collection, scope, { signal })) {
        const value = accept(record) ? tryRead(record, read, onInvalid) : undefined
        if (value !== undefined) yield value
      }
    },
    put(scope: string, id: string, order: number, value: object, extras: Extras = {}): Write {
      return { put: { id, order, payload: toPayload(value), ...extras }, collection, scope }
    },
    remove: (scope: string, id: string): Write => ({ remove: id, collection, scope }),
  }
}

export function toPayload(value: object): JsonObject {
  return value as unknown as JsonObject
}

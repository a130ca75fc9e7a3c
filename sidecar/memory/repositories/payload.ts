import type { z } from 'zod'
import { AppError } from '../../ports/errors.ts'
import type { Collection, StoredRecord } from '../../ports/records.ts'

/** A stored record does not match the schema of its collection. The message holds no text of the user. */
export class InvalidRecord extends AppError {
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

/** @throws {InvalidRecord} for a payload that does not match the schema */
export function parsePayload<T>(
  collection: Collection,
  { id, payload }: Pick<StoredRecord, 'id' | 'payload'>,
  schema: z.ZodType<T>,
): T {
  const { success, data, error } = schema.safeParse(payload)
  if (success) return data
  throw new InvalidRecord(collection, id, error)
}

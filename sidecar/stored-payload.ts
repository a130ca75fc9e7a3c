import type { z } from 'zod'
import { AppError } from './errors.ts'
import type { Collection, StoredRecord } from './ports/records.ts'

/** @throws {AppError} `internal`, naming collection and id, for a payload that does not match the schema */
export function parsePayload<T>(
  collection: Collection,
  { id, payload }: Pick<StoredRecord, 'id' | 'payload'>,
  schema: z.ZodType<T>,
): T {
  const { success, data, error } = schema.safeParse(payload)
  if (success) return data
  const [issue] = error.issues
  const field = issue?.path.join('.') || 'payload'
  throw new AppError(
    'internal',
    `Record ${id} in collection ${collection} is invalid: ${field}: ${issue?.message}. Delete or repair this record.`,
    { cause: error },
  )
}

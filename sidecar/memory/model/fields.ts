import { z } from 'zod'
import type { JsonObject } from '../../ports/records.ts'

// Fields of records. Times are epoch milliseconds in the store and ISO 8601 in exports. Nullable fields may be absent.

/** Epoch milliseconds after parsing. */
export type Time = z.ZodType<number>

export const id = z.string().min(1).max(1024)
export const text = z.string().nullable().default(null)
/** From 1, or from 0 in Dify before 1.9; `null` outside of a conversation. */
export const turnNumber = z.int().nullable().default(null)
export const version = z.int().positive()
/** UTC offset where it was said, minutes; absent: unknown, and dates are those of UTC. */
export const utcOffset = z.int().optional()
export const role = z.enum(['user', 'assistant', 'system'])

/** Free-form metadata; its values are not checked. */
export const jsonObject = z.custom<JsonObject>(
  (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  'Invalid input: expected object',
)

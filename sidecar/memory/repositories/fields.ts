import { z } from 'zod'
import type { JsonObject } from '../../ports/records.ts'

/** Fields that may be missing in records of earlier versions. */
export const optionalText = z.string().nullish()
export const optionalNumber = z.number().nullish()

/** Free-form metadata; its values are not checked. */
export const jsonObject = z.custom<JsonObject>(
  (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  'Invalid input: expected object',
)
export const role = z.enum(['user', 'assistant', 'system'])

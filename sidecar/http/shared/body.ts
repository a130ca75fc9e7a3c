import { z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { AppError, clip } from '../../ports/errors.ts'
import { findInexact, parseJson } from '../../text/exact-json.ts'
import type { AppEnv } from './router.ts'
import { isObject } from './values.ts'

/**
 * Reads the JSON body of an operation: null counts as absent where the schema has an optional field, and a number that
 * would be rounded is an error.
 * @param isBatch whether the handler validates the items of the list in the body one by one, with `inexactIn`
 */
export function readBody(schema: z.ZodType, isBatch: boolean): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const parsed = /json/i.test(c.req.header('content-type') ?? '') && tryParse(await c.req.text())
    // The validator reports other content types and malformed JSON.
    if (!parsed) return await next()
    const { value, isExact } = parsed
    const problem = isExact || isBatch ? undefined : inexactIn(value)
    if (problem) {
      const { field, message, received } = problem
      throw new AppError('invalid_request', `${field}: ${message}, got ${received}`, { details: [problem] })
    }
    removeNulls(schema, value)
    c.req.json = async <T>() => value as T
    await next()
  }
}

function tryParse(text: string): ReturnType<typeof parseJson> | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** The first number within a value that a 64-bit float cannot hold. */
export function inexactIn(value: unknown) {
  const found = findInexact(value)
  if (!found) return undefined
  return {
    field: clip(found.path),
    message: 'expected a number that a 64-bit float holds exactly (send it as a string)',
    received: clip(found.source),
  }
}

/** Removes null, in place, from the optional fields of an object that give null no meaning. */
export function removeNulls(schema: z.ZodType, value: unknown): void {
  if (value === null || typeof value !== 'object') return
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const one of value) removeNulls(inner.element as z.ZodType, one)
  } else if (inner instanceof z.ZodDiscriminatedUnion) {
    for (const option of inner.options)
      if (isOption(option, inner.def.discriminator, value)) removeNulls(option as z.ZodType, value)
  } else if (inner instanceof z.ZodObject && isObject(value)) {
    for (const [name, one] of Object.entries(value)) {
      const field: z.ZodType | undefined = Object.hasOwn(inner.shape, name) ? inner.shape[name] : undefined
      if (!field) continue
      if (one !== null) removeNulls(field, one)
      else if (field.safeParse(undefined).success && !field.safeParse(null).success) delete value[name]
    }
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  return schema instanceof z.ZodPipe ? unwrap(schema.in as z.ZodType) : schema
}

function isOption(option: unknown, discriminator: string, value: unknown): boolean {
  if (!(option instanceof z.ZodObject) || !isObject(value)) return false
  return (option.shape[discriminator] as z.ZodType).safeParse(value[discriminator]).success
}

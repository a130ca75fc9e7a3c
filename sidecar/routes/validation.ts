import type { Hook } from '@hono/zod-openapi'
import type { z } from 'zod'
import { AppError, describe, type Problem } from '../errors.ts'
import type { AppEnv } from './env.ts'

/** Turns what a schema refused into the one error envelope, each field with what was expected and what came. */
export const refuseInvalid: Hook<unknown, AppEnv, string, unknown> = (result) => {
  if (result.success) return undefined
  const value = 'data' in result ? result.data : undefined
  const details = (result.error.issues as z.core.$ZodIssue[]).map((issue) =>
    toProblem(issue, value, result.target),
  )
  const message = details.map(({ field, message, received }) => {
    return `${field}: ${message}${received === undefined ? '' : `, got ${received}`}`
  })
  throw new AppError('invalid_request', message.join('; '), { details })
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, target: string): Problem {
  const field = issue.path.length > 0 ? pathOf(issue.path) : target === 'json' ? 'body' : target
  if (issue.code === 'unrecognized_keys') {
    return {
      field,
      message: `unknown ${issue.keys.length > 1 ? 'fields' : 'field'} ${issue.keys.join(', ')}`,
    }
  }
  const received = issue.path.reduce<unknown>(
    (at, key) =>
      at === null || typeof at !== 'object' ? undefined : (at as Record<PropertyKey, unknown>)[key],
    value,
  )
  // Zod's own words name what came as well; ours does so in one way for every kind of fault.
  const message = issue.message
    .replace(/^Invalid (?:input|option): /, '')
    .replace(/, received .*$/, '')
    .replace(/^Too (?:small|big): /, '')
  return { field, message, received: describe(received) }
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i > 0 ? `.${String(key)}` : String(key)))
    .join('')
}

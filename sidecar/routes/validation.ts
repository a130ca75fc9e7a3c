import type { Hook } from '@hono/zod-openapi'
import type { z } from 'zod'
import { AppError, clip, describe, type Problem } from '../errors.ts'
import type { AppEnv } from './env.ts'

/** Most faults that one answer names: a body of a megabyte can hold a hundred thousand. */
const MAX_PROBLEMS = 10

/** Turns what a schema refused into the one error envelope, each field with what was expected and what came. */
export const refuseInvalid: Hook<unknown, AppEnv, string, unknown> = (result) => {
  if (result.success) return undefined
  throw refuse(result.error, 'data' in result ? result.data : undefined, result.target)
}

/** @param whole what the value as a whole is called */
export function refuse(error: { issues: unknown[] }, value: unknown, whole: string): AppError {
  const { message, details } = faultsOf(error, value, whole)
  return new AppError('invalid_request', message, { details })
}

/**
 * What a schema found wrong with a value, in one sentence and one by one.
 * @param whole what the value as a whole is called
 */
export function faultsOf(
  error: { issues: unknown[] },
  value: unknown,
  whole: string,
): { message: string; details: Problem[] } {
  const issues = error.issues as z.core.$ZodIssue[]
  const details = issues.slice(0, MAX_PROBLEMS).map((issue) => toProblem(issue, value, whole))
  const said = details.map(({ field, message, received }) => {
    return `${field}: ${message}${received === undefined ? '' : `, got ${received}`}`
  })
  if (issues.length > MAX_PROBLEMS) said.push(`and ${issues.length - MAX_PROBLEMS} more`)
  return { message: said.join('; '), details }
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, whole: string): Problem {
  const field = issue.path.length > 0 ? pathOf(issue.path) : whole
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.slice(0, MAX_PROBLEMS).map((key) => clip(key))
    if (issue.keys.length > MAX_PROBLEMS) names.push(`and ${issue.keys.length - MAX_PROBLEMS} more`)
    return { field, message: `unknown ${issue.keys.length > 1 ? 'fields' : 'field'} ${names.join(', ')}` }
  }
  if (issue.code === 'invalid_key') {
    return { field, message: issue.message, received: describe(issue.path.at(-1)) }
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
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${clip(String(key))}`))
    .join('')
}

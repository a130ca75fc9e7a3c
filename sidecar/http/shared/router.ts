import { OpenAPIHono } from '@hono/zod-openapi'
import type { z } from 'zod'
import { AppError, clip, describe, type Problem } from '../../ports/errors.ts'

export interface AppEnv {
  Variables: {
    requestId: string
    /** Derived from the API key, never from the request. */
    namespace: string
  }
}

/** Bounds the error response: a body of one megabyte can hold 100,000 invalid fields. */
const MAX_PROBLEMS = 10

/** A router that reports schema violations in the error envelope of the API. */
export function router(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return
      const { message, details } = problemsOf(
        result.error,
        'data' in result ? result.data : undefined,
        result.target === 'json' ? 'body' : result.target,
      )
      throw new AppError('invalid_request', message, { details })
    },
  })
}

/**
 * Translates zod issues into one message and a list of at most `MAX_PROBLEMS` details.
 * @param root the name to report for the value itself, such as `body`
 */
export function problemsOf(
  { issues }: { issues: unknown[] },
  value: unknown,
  root: string,
): { message: string; details: Problem[] } {
  const details = issues
    .slice(0, MAX_PROBLEMS)
    .map((issue) => toProblem(issue as z.core.$ZodIssue, value, root))
  const parts = details.map(
    ({ field, message, received }) =>
      `${field}: ${message}${received === undefined ? '' : `, got ${received}`}`,
  )
  if (issues.length > MAX_PROBLEMS) parts.push(`and ${issues.length - MAX_PROBLEMS} more`)
  return { message: parts.join('; '), details }
}

function toProblem(issue: z.core.$ZodIssue, value: unknown, root: string): Problem {
  const field = issue.path.length > 0 ? formatPath(issue.path) : root
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.slice(0, MAX_PROBLEMS).map(clip)
    if (issue.keys.length > MAX_PROBLEMS) names.push(`and ${issue.keys.length - MAX_PROBLEMS} more`)
    return { field, message: `unknown ${issue.keys.length > 1 ? 'fields' : 'field'} ${names.join(', ')}` }
  }
  if (issue.code === 'invalid_key') {
    return { field, message: issue.message, received: describe(issue.path.at(-1)) }
  }
  const received = issue.path.reduce<unknown>(
    (parent, key) =>
      parent === null || typeof parent !== 'object'
        ? undefined
        : (parent as Record<PropertyKey, unknown>)[key],
    value,
  )
  // Removes the received value from zod's default messages: it is appended in one format for every issue.
  const message = issue.message
    .replace(/^Invalid (?:input|option): /, '')
    .replace(/, received .*$/, '')
    .replace(/^Too (?:small|big): /, '')
  return { field, message, received: describe(received) }
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${clip(String(key))}`))
    .join('')
}

import { z } from '@hono/zod-openapi'
import { CLEANED_KINDS } from '../../text/cleaning/counts.ts'
import { MAX_QUERY_LENGTH } from '../../text/cleaning/lengths.ts'
import { isObject } from './values.ts'

/*
 * Schemas are inlined into every route and never registered as named components: the importer of Dify does not
 * resolve a $ref inside a property.
 */

export const MAX_INT32 = 2 ** 31 - 1

const anyText = z.string().trim().min(1, { error: 'expected a non-empty string' })

/** @param maximum characters */
function text(maximum: number) {
  return anyText.max(maximum, { error: `expected at most ${maximum} characters` })
}

export function identifier(description: string, example: string) {
  // A lone surrogate has no UTF-8 encoding and therefore cannot be a key in any store.
  return text(256)
    .refine((value) => value.isWellFormed(), { error: 'expected well-formed Unicode' })
    .openapi({ description, example })
}

export const userId = identifier('The user who owns the memories. In Dify: sys.user_id.', 'ada')
export const conversationId = identifier('The conversation. In Dify: sys.conversation_id.', 'c-7')
export const turnId = z.string().max(100).describe('Id of the turn.')
export const memoryId = z.string().max(100).describe('Id of the memory.')

/** What a memory belongs to besides its user and conversation. */
export const labels = {
  agent_id: identifier('The agent, if a user talks to several agents.', 'travel-agent').optional(),
  run_id: identifier('The run or task that the memories belong to.', 'run-1').optional(),
  app_id: identifier('The app that the turn was sent by.', 'app-1').optional(),
}

export function toNarrowing({
  agent_id,
  run_id,
  app_id,
}: { [K in keyof typeof labels]?: string | undefined }) {
  return { agentId: agent_id, runId: run_id, appId: app_id }
}

/** Fields that select the memories of a user. */
export const memorySelection = { user_id: userId, ...labels, conversation_id: conversationId.optional() }
export type MemorySelection = { [K in Exclude<keyof typeof memorySelection, 'user_id'>]?: string | undefined }

export function integer(minimum: number, maximum: number) {
  const error = `expected an integer from ${minimum} to ${maximum}`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error })
}

/** Starts at 1. */
export const positiveInt32 = integer(1, MAX_INT32)

const TURN = {
  description: 'Number of the turn, from 1, or from 0 in Dify before 1.9. In Dify: sys.dialogue_count.',
  example: 3,
}
const WINDOW_SIZE = {
  description:
    'Turns in the chat window, 0 to 500: the value of Memory › Window size on the LLM node in Dify.',
  example: 10,
}
export const turn = integer(0, MAX_INT32).openapi(TURN)
export const windowSize = integer(0, 500).openapi(WINDOW_SIZE)

/** An integer in a query string, where an empty value counts as absent. */
export function queryInteger<T extends z.ZodType>(
  schema: T,
  documentation: { description: string; example: number; minimum: number; maximum: number; default?: number },
) {
  return z
    .preprocess((value) => {
      if (value === '' || value === undefined) return undefined
      return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value
    }, schema)
    .openapi({ type: 'integer', ...documentation })
}

export const queryTurn = queryInteger(turn.optional(), { ...TURN, minimum: 0, maximum: MAX_INT32 })
export const queryWindowSize = queryInteger(windowSize.optional(), {
  ...WINDOW_SIZE,
  minimum: 0,
  maximum: 500,
})

/** The page size of a list. */
export function queryLimit(maximum: number, byDefault: number) {
  return queryInteger(integer(1, maximum).default(byDefault), {
    description: `Page size, 1 to ${maximum}; default ${byDefault}.`,
    example: byDefault,
    minimum: 1,
    maximum,
    default: byDefault,
  })
}

export const cursor = z
  .string()
  .max(500)
  .optional()
  .describe('next_cursor of the previous page; absent: the first page.')

export const query = anyText.openapi({
  description: `The text to search for. A longer one than ${MAX_QUERY_LENGTH} characters is clipped. In Dify: sys.query.`,
  example: 'What is Ada allergic to?',
})

export const topK = integer(1, 100)
  .default(10)
  .openapi({ description: 'Maximum number of memories, 1 to 100; default 10.', example: 8 })

export function time(description: string) {
  return z.iso
    .datetime({ offset: true, error: 'expected an ISO 8601 time with a time zone' })
    .openapi({ description, example: '2026-03-01T09:30:00Z' })
}

const thresholdError = 'expected a number from 0 to 1'
export const threshold = z
  .number({ error: thresholdError })
  .min(0, { error: thresholdError })
  .max(1, { error: thresholdError })
  .optional()
  .openapi({
    description:
      'Minimum score of a result, the relevance from 0 to 1. Default: a query that has nothing to do with any memory ' +
      'finds nothing. 0 returns the nearest memories in any case. Cached blocks are not affected.',
    example: 0.2,
  })

export const askedAt = time(
  'When the question is asked, for dates such as "yesterday" in it; default: now. Without a UTC offset, the time_zone of the app applies.',
).optional()

export const withGraph = z
  .boolean({ error: 'expected true or false' })
  .optional()
  .describe(
    'Whether relations of the persons, places and things that the query names bring memories to the ranking; default false.',
  )

const MAX_MEMORY = 10_000
export const memoryText = text(MAX_MEMORY)
/** Its length is checked once it is cleaned, with `memoryText`. */
export const rawMemoryText = anyText

export const reason = z.string().max(500, { error: 'expected at most 500 characters' }).optional().openapi({
  description: 'Reason for the change, at most 500 characters; recorded in the history.',
  example: 'the user asked for it',
})

const scalar = z.union([z.string().max(4096), z.number(), z.boolean(), z.null()])

const metadataFields = z
  .record(
    z.string().min(1).max(128),
    z.union([scalar, z.array(scalar).max(64)], {
      error:
        'expected a string of at most 4096 characters, a number, a boolean, null, or a list of at most 64 of these',
    }),
    {
      error: (issue) =>
        issue.code === 'invalid_key' ? 'expected a key of 1 to 128 characters' : 'expected an object',
    },
  )
  .refine((value) => Object.keys(value).length <= 64, { error: 'expected at most 64 keys' })

export const metadata = z
  .preprocess((value, context) => {
    // z.record drops this key silently.
    if (isObject(value) && Object.hasOwn(value, '__proto__')) {
      context.addIssue({ code: 'custom', path: ['__proto__'], message: 'expected another key' })
    }
    return value
  }, metadataFields)
  .openapi({
    type: 'object',
    description:
      'Custom fields to filter on: at most 64 keys; each value is a string, a number, a boolean, null or a list of these.',
    example: { channel: 'web' },
  })

/** Not validated here: `compileFilter` reports the exact position of an error. */
export const filters = z.custom<Record<string, unknown>>(isObject, { error: 'expected an object' }).openapi({
  type: 'object',
  description:
    'Conditions on metadata.<key> and on system fields such as turn, role and at. Operators: eq, ne, in, nin, gt, gte, lt, lte, contains, icontains, exists. Combine conditions with AND, OR and NOT.',
  example: { 'metadata.channel': 'web', turn: { gte: 2 } },
})

export const memoryEvent = z.object({
  event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']),
  id: z.string(),
  memory: z.string(),
  previous: z.string().optional(),
})

export const cleaned = z
  .partialRecord(z.enum(CLEANED_KINDS), z.number())
  .optional()
  .openapi({
    type: 'object',
    description: 'What was removed before storing, by kind; absent if nothing was.',
    example: { images: 1 },
  })

export const pendingCounts = z
  .object({ turns: z.number(), tokens: z.number() })
  .describe('Turns that are not extracted yet, and their tokens.')

export const degraded = z
  .array(z.string())
  .describe('embedding: a text has no vector yet. It is found by its words, and is embedded later.')

export const nextCursor = z
  .string()
  .nullable()
  .describe('Pass it as cursor to get the next page; null on the last page.')

/** Dify's custom tools send an optional header that is not set as an empty one. */
export const idempotencyKey = z
  .string()
  .max(255)
  .transform((key) => key || undefined)
  .optional()
  .openapi({
    type: 'string',
    description:
      'Identifies the request, at most 255 characters; use the same key for every retry. Empty means absent.',
    example: 'run-1-add',
  })

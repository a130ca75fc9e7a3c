import { z } from '@hono/zod-openapi'

/*
 * Every schema is written out where it is used in a route, never registered under a name: Dify's importer does not
 * follow a reference inside a property.
 */

/** Longest identifier of a user, conversation, agent, run or app, in characters. */
const MAX_ID = 256

export const identifier = (what: string, example: string) =>
  z
    .string()
    .trim()
    .min(1, { error: 'expected a text that is not empty' })
    .max(MAX_ID, { error: `expected at most ${MAX_ID} characters` })
    // Half a surrogate pair has no UTF-8, and so no key in any store.
    .refine((text) => text.isWellFormed(), { error: 'expected well-formed Unicode' })
    .openapi({ description: what, example })

export const userId = identifier('Whom the memories belong to. In Dify: sys.user_id.', 'ada')
export const conversationId = identifier('The conversation. In Dify: sys.conversation_id.', 'c-7')
export const turnId = z.string().max(100).openapi({ description: 'The id of the turn.' })
export const agentId = identifier('The agent, where one user has several.', 'travel-agent')
export const runId = identifier('The run or task that the memories belong to.', 'run-1')
export const appId = identifier('The app that the turn came from.', 'app-1')

const MAX_TURN = 2 ** 31 - 1
const MAX_WINDOW = 500

export function wholeNumber(minimum: number, maximum: number) {
  const error = `expected a whole number from ${minimum} to ${maximum}`
  return z.int({ error }).min(minimum, { error }).max(maximum, { error })
}

export const turn = wholeNumber(1, MAX_TURN).openapi({
  description: 'Number of the turn, from 1. In Dify: sys.dialogue_count.',
  example: 3,
})

export const windowSize = wholeNumber(0, MAX_WINDOW).openapi({
  description: 'The number set on the LLM node: Memory › Window size.',
  example: 10,
})

/** The same for a query string, where everything is text and an empty value is an absent one. */
export function inQuery<T extends z.ZodType>(schema: T, example: string) {
  return z
    .preprocess((value) => {
      if (value === '' || value === undefined) return undefined
      return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : value
    }, schema.optional())
    .openapi({ type: 'integer', example: Number(example) })
}

export const query = z
  .string()
  .trim()
  .min(1, { error: 'expected a text that is not empty' })
  .max(32_000, { error: 'expected at most 32000 characters' })
  .openapi({ description: 'What to look for. In Dify: sys.query.', example: 'What is Ada allergic to?' })

export const topK = wholeNumber(1, 100).openapi({ description: 'Most memories to answer with.', example: 8 })

const scalar = z.union([z.string().max(4096), z.number(), z.boolean(), z.null()])

const fields = z
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
    // Zod would leave this key out without a word.
    if (isObject(value) && Object.hasOwn(value, '__proto__')) {
      context.addIssue({ code: 'custom', path: ['__proto__'], message: 'expected another key' })
    }
    return value
  }, fields)
  .openapi({ type: 'object', description: 'Your own fields, to filter on.', example: { channel: 'web' } })

/** Handed on as it came: `compileFilter` knows what may be in it and says where it is wrong. */
export const filters = z.custom<Record<string, unknown>>(isObject, { error: 'expected an object' }).openapi({
  type: 'object',
  description:
    'AND, OR, NOT; eq ne in nin gt gte lt lte contains exists; on metadata.<key> and system fields such as turn, role, at.',
  example: { 'metadata.channel': 'web', turn: { gte: 2 } },
})

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

export const problem = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z
      .array(z.object({ field: z.string(), message: z.string(), received: z.string().optional() }))
      .optional(),
    request_id: z.string(),
  }),
})

/** `responses` of a route: the answer, and the one shape that all failures have. */
export function answers<T extends z.ZodType>(description: string, schema: T) {
  return {
    200: { description, content: { 'application/json': { schema } } },
    default: { description: 'What went wrong.', content: { 'application/json': { schema: problem } } },
  } as const
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { content: { 'application/json': { schema } }, required: true } as const
}

export const memoryView = z.object({
  id: z.string(),
  memory: z.string(),
  user_id: z.string(),
  role: z.enum(['user', 'assistant', 'system']),
  speaker: z.string(),
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  tier: z.enum(['short', 'mid', 'long']),
  topic: z.string().nullable(),
  sub_topic: z.string().nullable(),
  importance: z.number().nullable(),
  event_date: z.string().nullable(),
  version: z.number(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  at: z.string(),
  sources: z.array(
    z.object({
      conversation_id: z.string().nullable(),
      turn: z.number().nullable(),
      turn_id: z.string(),
      at: z.string(),
    }),
  ),
  agent_id: z.string().nullable(),
  run_id: z.string().nullable(),
  app_id: z.string().nullable(),
  metadata: z.record(z.string(), z.any()).openapi({ type: 'object' }),
  valid_from: z.string(),
  valid_until: z.string().nullable(),
  expires_at: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
})

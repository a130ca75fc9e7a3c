import { createRoute, z } from '@hono/zod-openapi'
import type { Json } from '../ports/records.ts'
import { type AuthorCache, MAX_TTL_S } from '../window/author-cache.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const params = z.object({
  key: z
    .string()
    .min(1)
    .max(512, { error: 'expected at most 512 characters' })
    .openapi({ description: 'Your own name for the value.', example: 'mem:ada:c-7' }),
})

const get = createRoute({
  method: 'get',
  path: '/v1/cache/{key}',
  operationId: 'cache_get',
  summary: 'Read a value, and whether it may still be served at this turn',
  description:
    'A value set at turn t may be served at turn d of the same conversation as long as d <= (t - 1) + window_size: until then every turn that the value cannot know is still in the window.',
  request: {
    params,
    query: z.strictObject({
      conversation_id: z.preprocess((id) => (id === '' ? undefined : id), s.conversationId.optional()),
      turn: s.inQuery(s.turn, '3'),
      window_size: s.inQuery(s.windowSize, '10'),
    }),
  },
  responses: s.answers(
    'A miss is an answer, not a failure; with the reason `backend` it is the cache that did not answer.',
    z.object({
      status: z.enum(['hit', 'miss', 'stale']),
      reason: z.enum(['hit', 'absent', 'backend', 'window', 'conversation']),
      value: z.any(),
      age_turns: z.number().nullable(),
      age_s: z.number().nullable(),
      serves_until_turn: z.number().nullable(),
    }),
  ),
})

const put = createRoute({
  method: 'put',
  path: '/v1/cache/{key}',
  operationId: 'cache_set',
  summary: 'Keep a value under a key',
  request: {
    params,
    body: s.jsonBody(
      z.strictObject({
        value: z
          .any()
          .refine((value) => value !== undefined, { error: 'expected a value (null is one)' })
          .openapi({ description: 'Any JSON.', example: 'Ada is allergic to peanuts.' }),
        ttl_s: z
          .number({ error: 'expected a number of seconds' })
          .positive({ error: 'expected a number of seconds above 0' })
          .max(MAX_TTL_S, { error: `expected at most ${MAX_TTL_S} seconds (30 days)` })
          .optional()
          .openapi({ description: 'Seconds until the value is gone; one day, if absent.', example: 3600 }),
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        window_size: s.windowSize.optional(),
      }),
    ),
  },
  responses: s.answers(
    'Stored.',
    z.object({
      status: z.enum(['stored']),
      expires_at: z.string(),
      serves_until_turn: z.number().nullable(),
    }),
  ),
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/cache/{key}',
  operationId: 'cache_delete',
  summary: 'Remove a value',
  request: { params },
  responses: s.answers('Whether there was one.', z.object({ status: z.enum(['deleted', 'absent']) })),
})

export function cacheRoutes({ authorCache }: { authorCache: AuthorCache }) {
  return router()
    .openapi(get, async (c) => {
      const { conversation_id, turn, window_size } = c.req.valid('query')
      const context = { conversationId: conversation_id, turn, windowSize: window_size }
      return c.json(await authorCache.read(c.get('namespace'), c.req.valid('param').key, context), 200)
    })
    .openapi(put, async (c) => {
      const body = c.req.valid('json')
      const { expiresAt, servesUntilTurn } = await authorCache.write(
        c.get('namespace'),
        c.req.valid('param').key,
        {
          value: body.value as Json,
          ttlSeconds: body.ttl_s,
          conversationId: body.conversation_id,
          turn: body.turn,
          windowSize: body.window_size,
        },
      )
      return c.json(
        {
          status: 'stored' as const,
          expires_at: new Date(expiresAt).toISOString(),
          serves_until_turn: servesUntilTurn,
        },
        200,
      )
    })
    .openapi(remove, async (c) => {
      const deleted = await authorCache.remove(c.get('namespace'), c.req.valid('param').key)
      return c.json({ status: deleted ? ('deleted' as const) : ('absent' as const) }, 200)
    })
}

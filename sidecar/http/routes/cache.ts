import { createRoute, z } from '@hono/zod-openapi'
import type { Json } from '../../ports/records.ts'
import { type AuthorCache, MAX_TTL_S } from '../../retrieval/blocks/author-cache.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'
import { toIso } from '../validation/values.ts'

const params = z.object({
  key: z
    .string()
    .min(1)
    .max(512, { error: 'expected at most 512 characters' })
    .openapi({ description: 'Key of the cache entry, at most 512 characters.', example: 'mem:ada:c-7' }),
})

const get = createRoute({
  method: 'get',
  path: '/v1/cache/{key}',
  operationId: 'cache_get',
  summary: 'Read a cache entry and check whether it may be served at this turn',
  description:
    'An entry that was set at turn t may be served at turn d of the same conversation while d <= (t - 1) + window_size: until then, the chat window still shows every turn that is newer than the entry.',
  request: {
    params,
    query: z.strictObject({
      conversation_id: z.preprocess((id) => (id === '' ? undefined : id), s.conversationId.optional()),
      turn: s.queryTurn,
      window_size: s.queryWindowSize,
    }),
  },
  responses: s.responses(
    'The entry, or a miss. The reason `backend` means that the cache did not respond.',
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

const ttlError = 'expected a number of seconds above 0'

const put = createRoute({
  method: 'put',
  path: '/v1/cache/{key}',
  operationId: 'cache_set',
  summary: 'Set a cache entry',
  request: {
    params,
    body: s.jsonBody(
      z.strictObject({
        value: z
          .any()
          .refine((value) => value !== undefined, { error: 'expected a value (null is allowed)' })
          .openapi({ description: 'Any JSON value.', example: 'Ada is allergic to peanuts.' }),
        ttl_s: z
          .number({ error: ttlError })
          .positive({ error: ttlError })
          .max(MAX_TTL_S, { error: `expected at most ${MAX_TTL_S} seconds (30 days)` })
          .optional()
          .openapi({
            description: `Seconds until the entry expires, at most ${MAX_TTL_S} (30 days); default 86400 (one day).`,
            example: 3600,
          }),
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        window_size: s.windowSize.optional(),
      }),
    ),
  },
  responses: s.responses(
    'Stored.',
    z.object({
      status: z.enum(['stored']),
      expires_at: z.string(),
      serves_until_turn: z.number().nullable().openapi({
        description: 'Last turn at which the entry may be served; null without turn or window_size.',
      }),
    }),
  ),
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/cache/{key}',
  operationId: 'cache_delete',
  summary: 'Delete a cache entry',
  request: { params },
  responses: s.responses('Whether the entry existed.', z.object({ status: z.enum(['deleted', 'absent']) })),
})

export function cacheRoutes({ authorCache }: { authorCache: AuthorCache }) {
  return router()
    .openapi(get, async (c) => {
      const { conversation_id, turn, window_size } = c.req.valid('query')
      const context = { conversationId: conversation_id, turn, windowSize: window_size }
      return c.json(await authorCache.read(c.get('namespace'), c.req.valid('param').key, context), 200)
    })
    .openapi(put, async (c) => {
      const { value, ttl_s, conversation_id, turn, window_size } = c.req.valid('json')
      const { expiresAt, servesUntilTurn } = await authorCache.write(
        c.get('namespace'),
        c.req.valid('param').key,
        {
          value: value as Json,
          ttlSeconds: ttl_s,
          conversationId: conversation_id,
          turn,
          windowSize: window_size,
        },
      )
      return c.json(
        { status: 'stored' as const, expires_at: toIso(expiresAt), serves_until_turn: servesUntilTurn },
        200,
      )
    })
    .openapi(remove, async (c) => {
      const isDeleted = await authorCache.remove(c.get('namespace'), c.req.valid('param').key)
      return c.json({ status: isDeleted ? ('deleted' as const) : ('absent' as const) }, 200)
    })
}

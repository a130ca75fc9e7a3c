import { z } from '@hono/zod-openapi'
import type { Json } from '../../ports/records.ts'
import { MAX_TTL_S } from '../../retrieval/blocks/author-cache.ts'
import { type Api, operation } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { toIso } from '../shared/values.ts'

const params = {
  key: z
    .string()
    .min(1)
    .max(512, { error: 'expected at most 512 characters' })
    .openapi({ description: 'Key of the cache entry, at most 512 characters.', example: 'mem:ada:c-7' }),
}

const ttlError = 'expected a number of seconds above 0'

const cacheGetOperation = operation({
  route: 'GET /v1/cache/{key}',
  operationId: 'cache_get',
  summary: 'Read a cache entry and check whether it may be served at this turn',
  description:
    'An entry that was set at turn t may be served at turn d of the same conversation while d <= (t - 1) + window_size: until then, the chat window still shows every turn that is newer than the entry.',
  params,
  query: {
    conversation_id: z.preprocess((id) => (id === '' ? undefined : id), s.conversationId.optional()),
    turn: s.queryTurn,
    window_size: s.queryWindowSize,
  },
  returns: 'The entry, or a miss. The reason `backend` means that the cache did not respond.',
  answer: {
    status: z.enum(['hit', 'miss', 'stale']),
    reason: z.enum(['hit', 'absent', 'backend', 'window', 'conversation']),
    value: z.any(),
    age_turns: z.number().nullable(),
    age_s: z.number().nullable(),
    serves_until_turn: z.number().nullable(),
  },
})

const cacheSetOperation = operation({
  route: 'PUT /v1/cache/{key}',
  operationId: 'cache_set',
  summary: 'Set a cache entry',
  params,
  body: {
    value: z
      .any()
      .refine((value) => value !== undefined, { error: 'expected a value (null is allowed)' })
      .openapi({
        // Dify's custom tools do not send a field without a type.
        type: 'string',
        description: 'Any JSON value.',
        example: 'Ada is allergic to peanuts.',
      }),
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
  },
  returns: 'Stored.',
  answer: {
    status: z.enum(['stored']),
    expires_at: z.string(),
    serves_until_turn: z
      .number()
      .nullable()
      .describe('Last turn at which the entry may be served; null without turn or window_size.'),
  },
})

const cacheDeleteOperation = operation({
  route: 'DELETE /v1/cache/{key}',
  operationId: 'cache_delete',
  summary: 'Delete a cache entry',
  params,
  returns: 'Whether the entry existed.',
  answer: { status: z.enum(['deleted', 'absent']) },
})

export function cacheRoutes(api: Api, { authorCache, metrics }: HttpServices): void {
  cacheGetOperation.handle(api, async ({ key, conversation_id, turn, window_size }, c) => {
    const context = { conversationId: conversation_id, turn, windowSize: window_size }
    const entry = await authorCache.read(c.get('namespace'), key, context)
    metrics.cacheRead(entry.status, entry.reason)
    return entry
  })

  cacheSetOperation.handle(api, async ({ key, value, ttl_s, conversation_id, turn, window_size }, c) => {
    const { expiresAt, servesUntilTurn } = await authorCache.write(c.get('namespace'), key, {
      value: value as Json,
      ttlSeconds: ttl_s,
      conversationId: conversation_id,
      turn,
      windowSize: window_size,
    })
    return { status: 'stored', expires_at: toIso(expiresAt), serves_until_turn: servesUntilTurn }
  })

  cacheDeleteOperation.handle(api, async ({ key }, c) => ({
    status: (await authorCache.remove(c.get('namespace'), key)) ? 'deleted' : 'absent',
  }))
}

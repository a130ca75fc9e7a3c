import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import { event, waiting } from './memories/shared.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const whose = { user_id: s.userId, conversation_id: s.conversationId.optional() }

const list = createRoute({
  method: 'get',
  path: '/v1/pending',
  operationId: 'list_pending',
  summary: 'The turns of a user that wait to be learned from, and why',
  request: { query: z.strictObject(whose) },
  responses: s.answers(
    'Oldest first.',
    z.object({
      turns: z.array(
        z.object({
          turn_id: z.string(),
          conversation_id: z.string().nullable(),
          turn: z.number().nullable(),
          state: z.enum(['pending', 'failed']),
          attempts: z.number(),
          error: z.string().nullable(),
          next_attempt_at: z.string().nullable(),
          tokens: z.number(),
          at: z.string(),
        }),
      ),
      tokens: z.number(),
    }),
  ),
})

const flush = createRoute({
  method: 'post',
  path: '/v1/flush',
  operationId: 'flush',
  summary: 'Learn now from the turns that wait, also from those that have failed',
  request: {
    body: s.jsonBody(
      z.strictObject({
        ...whose,
        wait: z.boolean().default(true).openapi({ description: 'Answer when it has been tried.' }),
      }),
    ),
  },
  responses: s.answers(
    'What came of it.',
    z.object({
      status: z.enum(['flushed', 'started']),
      events: z.array(event),
      reason: z.string().nullable().openapi({ description: 'Why turns still wait.' }),
      pending: waiting,
    }),
  ),
})

export function pendingRoutes({ buffer }: { buffer: BufferZone | undefined }) {
  return router()
    .openapi(list, (c) => {
      const { user_id, conversation_id } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const { turns, tokens } = buffer?.waiting(scope, conversation_id) ?? { turns: [], tokens: 0 }
      const shown = turns.map((turn) => ({
        turn_id: turn.turn_id,
        conversation_id: turn.conversation_id,
        turn: turn.turn,
        state: turn.not_before === null ? ('failed' as const) : ('pending' as const),
        attempts: turn.attempts,
        error: turn.error,
        next_attempt_at: turn.not_before ? new Date(turn.not_before).toISOString() : null,
        tokens: turn.tokens,
        at: new Date(turn.at).toISOString(),
      }))
      return c.json({ turns: shown, tokens }, 200)
    })
    .openapi(flush, async (c) => {
      const { user_id, conversation_id, wait } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const running = buffer?.flush(scope, { conversationId: conversation_id })
      // Without waiting, what goes wrong is logged, and seen in the list of what waits.
      if (!wait) running?.catch(() => {})
      const done = wait ? await running : undefined
      const left = buffer?.waiting(scope, conversation_id) ?? { turns: [], tokens: 0 }
      return c.json(
        {
          status: wait ? ('flushed' as const) : ('started' as const),
          events: done?.events ?? [],
          reason: done?.reason ?? null,
          pending: { turns: left.turns.length, tokens: left.tokens },
        },
        200,
      )
    })
}

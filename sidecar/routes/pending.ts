import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone, WaitingTurn } from '../buffer/buffer-zone.ts'
import type { Intake } from '../buffer/intake.ts'
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
          state: z.enum(['pending', 'processing', 'failed']),
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

const keep = createRoute({
  method: 'delete',
  path: '/v1/pending/{turn_id}',
  operationId: 'keep_pending',
  summary: 'Give up learning from a turn that waits or has failed, and keep its words as they were said',
  request: {
    params: z.object({ turn_id: z.string().max(100).openapi({ description: 'The id of the turn.' }) }),
    query: z.strictObject({ user_id: s.userId }),
  },
  responses: s.answers(
    'What is kept.',
    z.object({
      status: z.enum(['kept']),
      turn_id: z.string(),
      events: z.array(event),
      pending: waiting,
    }),
  ),
})

export interface PendingServices {
  buffer: BufferZone | undefined
  intake: Intake
}

export function pendingRoutes({ buffer, intake }: PendingServices) {
  return router()
    .openapi(list, (c) => {
      const { user_id, conversation_id } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const { turns, tokens } = buffer?.waiting(scope, conversation_id) ?? { turns: [], tokens: 0 }
      const shown = turns.map((turn) => ({
        turn_id: turn.turn_id,
        conversation_id: turn.conversation_id,
        turn: turn.turn,
        state: stateOf(turn),
        attempts: turn.attempts,
        error: turn.error,
        next_attempt_at: turn.not_before ? new Date(turn.not_before).toISOString() : null,
        tokens: turn.tokens,
        at: new Date(turn.at).toISOString(),
      }))
      return c.json({ turns: shown, tokens }, 200)
    })
    .openapi(keep, async (c) => {
      const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
      const { turn_id } = c.req.valid('param')
      const { events } = await intake.keepAsSaid(scope, turn_id)
      const left = buffer?.waiting(scope) ?? { turns: [], tokens: 0 }
      const pending = { turns: left.turns.length, tokens: left.tokens }
      return c.json({ status: 'kept' as const, turn_id, events, pending }, 200)
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

function stateOf({ not_before, processing }: WaitingTurn): 'pending' | 'processing' | 'failed' {
  if (processing) return 'processing'
  return not_before === null ? 'failed' : 'pending'
}

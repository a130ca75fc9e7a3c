import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import type { Intake } from '../buffer/intake.ts'
import type { FlushResult } from '../buffer/scope-buffer.ts'
import { AppError, invalid } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { event, waiting } from './memories/shared.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'
import { stateOf, waitingTurn, waitingView } from './turn-view.ts'

const whose = { user_id: s.userId, conversation_id: s.conversationId.optional() }

const list = createRoute({
  method: 'get',
  path: '/v1/pending',
  operationId: 'list_pending',
  summary: 'The turns of a user that wait to be learned from, and why',
  request: {
    query: z.strictObject({
      ...whose,
      state: z.enum(['idle', 'processing', 'failed']).optional().openapi({
        description: 'Only these: failed are those that are not tried again until somebody replays them.',
      }),
    }),
  },
  responses: s.answers(
    'Oldest first.',
    z.object({
      turns: z.array(z.object({ ...waitingTurn, state: z.enum(['idle', 'processing', 'failed']) })),
      tokens: z.number(),
    }),
  ),
})

const wait = z.boolean().default(true).openapi({ description: 'Answer when it has been tried.' })

const tried = z.object({
  status: z.enum(['flushed', 'started']),
  events: z.array(event),
  reason: z.string().nullable().openapi({ description: 'Why turns still wait.' }),
  pending: waiting,
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
        wait,
        end: z.boolean().default(false).openapi({
          description:
            'The conversation is over. Needs conversation_id; leaves alone what has failed, and is seen as such in logs and metrics.',
        }),
      }),
    ),
  },
  responses: s.answers('What came of it.', tried),
})

const end = createRoute({
  method: 'post',
  path: '/v1/conversations/{id}/end',
  operationId: 'end_conversation',
  summary: 'Say that a conversation is over, so that what waits of it is learned from now',
  description: 'Turns that come after all are taken as before.',
  request: {
    params: z.object({ id: s.conversationId }),
    body: s.jsonBody(z.strictObject({ user_id: s.userId, wait: wait.default(false) })),
  },
  responses: s.answers('What came of it.', tried),
})

const replay = createRoute({
  method: 'post',
  path: '/v1/pending/replay',
  operationId: 'replay_failed',
  summary: 'Learn now from the turns of a user that have failed for good, all or one',
  request: {
    body: s.jsonBody(z.strictObject({ user_id: s.userId, turn_id: s.turnId.optional(), wait })),
  },
  responses: s.answers('What came of it.', tried),
})

const giveUp = createRoute({
  method: 'delete',
  path: '/v1/pending/{turn_id}',
  operationId: 'keep_pending',
  summary: 'Give up learning from a turn that waits or has failed, and keep its words or drop them',
  request: {
    params: z.object({ turn_id: s.turnId }),
    query: z.strictObject({
      user_id: s.userId,
      words: z.enum(['keep', 'drop']).optional().openapi({
        description:
          'keep, the default: the words of the turn stay as they were said. drop: they are recalled no more.',
      }),
    }),
  },
  responses: s.answers(
    'What is kept.',
    z.object({
      status: z.enum(['kept', 'dropped']),
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
  const countsOf = async (scope: Scope, conversationId?: string) => {
    await buffer?.refresh(scope)
    return buffer?.counts(scope, conversationId) ?? { turns: 0, tokens: 0 }
  }

  return router()
    .openapi(list, async (c) => {
      const { user_id, conversation_id, state } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      await buffer?.refresh(scope)
      const { turns } = buffer?.waiting(scope, conversation_id) ?? { turns: [] }
      const shown = turns
        .map((turn) => ({ ...waitingView(turn), state: stateOf(turn) }))
        .filter((turn) => state === undefined || turn.state === state)
      return c.json({ turns: shown, tokens: shown.reduce((sum, { tokens }) => sum + tokens, 0) }, 200)
    })
    .openapi(replay, async (c) => {
      const { user_id, turn_id, wait } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      await buffer?.refresh(scope)
      if (turn_id !== undefined && buffer?.waitingTurn(scope, turn_id)?.not_before !== null) {
        throw new AppError(
          'not_found',
          `turn_id: no turn ${JSON.stringify(turn_id)} of this user has failed for good`,
        )
      }
      const done = await answer(buffer?.replay(scope, turn_id), wait)
      return c.json({ ...done, pending: await countsOf(scope) }, 200)
    })
    .openapi(giveUp, async (c) => {
      const { user_id, words = 'keep' } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const { turn_id } = c.req.valid('param')
      if (words === 'drop') {
        await intake.drop(scope, turn_id)
        return c.json(
          { status: 'dropped' as const, turn_id, events: [], pending: await countsOf(scope) },
          200,
        )
      }
      const { events } = await intake.keepAsSaid(scope, turn_id)
      return c.json({ status: 'kept' as const, turn_id, events, pending: await countsOf(scope) }, 200)
    })
    .openapi(flush, async (c) => {
      const { user_id, conversation_id, wait, end } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      if (end && conversation_id === undefined) {
        throw invalid('conversation_id', 'a conversation, since end is true')
      }
      const running = end
        ? buffer?.endConversation(scope, conversation_id as string)
        : buffer?.flush(scope, { conversationId: conversation_id })
      const done = await answer(running, wait)
      return c.json({ ...done, pending: await countsOf(scope, conversation_id) }, 200)
    })
    .openapi(end, async (c) => {
      const { user_id, wait } = c.req.valid('json')
      const { id } = c.req.valid('param')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const done = await answer(buffer?.endConversation(scope, id), wait)
      return c.json({ ...done, pending: await countsOf(scope, id) }, 200)
    })
}

/** Without waiting, what goes wrong is logged, and seen in the list of what waits. */
async function answer(running: Promise<FlushResult> | undefined, wait: boolean) {
  if (!wait) {
    running?.catch(() => {})
    return { status: 'started' as const, events: [], reason: null }
  }
  const { events, reason } = (await running) ?? { events: [], reason: null }
  return { status: 'flushed' as const, events, reason }
}

import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../learning/buffer/buffer-zone.ts'
import type { FlushResult } from '../../learning/buffer/scope-buffer.ts'
import type { Intake } from '../../learning/turn-intake.ts'
import type { Scope } from '../../memory/model/scope.ts'
import { AppError, invalid } from '../../ports/errors.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'
import { PENDING_STATES, pendingTurn, stateOf, toPendingView } from '../validation/turn-view.ts'

const selection = { user_id: s.userId, conversation_id: s.conversationId.optional() }

const list = createRoute({
  method: 'get',
  path: '/v1/pending',
  operationId: 'list_pending',
  summary: 'List the turns of a user that are not extracted yet',
  request: {
    query: z.strictObject({
      ...selection,
      state: z.enum(PENDING_STATES).optional().openapi({
        description: 'Lists only turns in this state. A failed turn is retried only by a replay or a flush.',
      }),
    }),
  },
  responses: s.responses(
    'Pending turns, oldest first.',
    z.object({
      turns: z.array(z.object({ ...pendingTurn, state: z.enum(PENDING_STATES) })),
      tokens: z.number(),
    }),
  ),
})

const waitDefaultTrue = z
  .boolean()
  .default(true)
  .openapi({ description: 'Whether to respond after the extraction attempt; default true.' })

const flushResult = z.object({
  status: z.enum(['flushed', 'started']),
  events: z.array(s.memoryEvent),
  reason: z.string().nullable().openapi({ description: 'Why turns are still pending; null if none failed.' }),
  pending: s.pendingCounts,
})

const flush = createRoute({
  method: 'post',
  path: '/v1/flush',
  operationId: 'flush',
  summary: 'Extract memories from pending turns now, including failed ones',
  request: {
    body: s.jsonBody(
      z.strictObject({
        ...selection,
        wait: waitDefaultTrue,
        end: z.boolean().default(false).openapi({
          description:
            'Ends the conversation, as end_conversation does: requires conversation_id and skips failed turns. Logs and metrics show the trigger "end". Default false.',
        }),
      }),
    ),
  },
  responses: s.responses('Result of the flush.', flushResult),
})

const end = createRoute({
  method: 'post',
  path: '/v1/conversations/{id}/end',
  operationId: 'end_conversation',
  summary: 'End a conversation and extract memories from its pending turns now',
  description: 'Later turns of the conversation are still accepted.',
  request: {
    params: z.object({ id: s.conversationId }),
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        wait: z
          .boolean()
          .default(false)
          .openapi({ description: 'Whether to respond after the extraction attempt; default false.' }),
      }),
    ),
  },
  responses: s.responses('Result of the flush.', flushResult),
})

const replay = createRoute({
  method: 'post',
  path: '/v1/pending/replay',
  operationId: 'replay_failed',
  summary: 'Retry the failed turns of a user now, all or one',
  request: {
    body: s.jsonBody(
      z.strictObject({ user_id: s.userId, turn_id: s.turnId.optional(), wait: waitDefaultTrue }),
    ),
  },
  responses: s.responses('Result of the flush.', flushResult),
})

const cancel = createRoute({
  method: 'delete',
  path: '/v1/pending/{turn_id}',
  operationId: 'keep_pending',
  summary: 'Cancel the extraction of a pending or failed turn, and keep or drop its text',
  request: {
    params: z.object({ turn_id: s.turnId }),
    query: z.strictObject({
      user_id: s.userId,
      words: z.enum(['keep', 'drop']).optional().openapi({
        description:
          'keep, the default: the text stays as verbatim memories. drop: the text is not recalled.',
      }),
    }),
  },
  responses: s.responses(
    'The extraction is cancelled.',
    z.object({
      status: z.enum(['kept', 'dropped']),
      turn_id: z.string(),
      events: z.array(s.memoryEvent),
      pending: s.pendingCounts,
    }),
  ),
})

interface PendingServices {
  buffer: BufferZone | undefined
  intake: Intake
}

export function pendingRoutes({ buffer, intake }: PendingServices) {
  const countPending = async (scope: Scope, conversationId?: string) => {
    await buffer?.refresh(scope)
    return buffer?.count(scope, conversationId) ?? { turns: 0, tokens: 0 }
  }

  return router()
    .openapi(list, async (c) => {
      const { user_id, conversation_id, state } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      await buffer?.refresh(scope)
      const turns = (buffer?.list(scope, conversation_id) ?? [])
        .map((turn) => ({ ...toPendingView(turn), state: stateOf(turn) }))
        .filter((turn) => state === undefined || turn.state === state)
      return c.json({ turns, tokens: turns.reduce((sum, { tokens }) => sum + tokens, 0) }, 200)
    })
    .openapi(replay, async (c) => {
      const { user_id, turn_id, wait } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      await buffer?.refresh(scope)
      if (turn_id !== undefined && buffer?.find(scope, turn_id)?.not_before !== null) {
        throw new AppError('not_found', `turn_id: no failed turn ${JSON.stringify(turn_id)} of this user`)
      }
      const result = await resultOf(buffer?.replay(scope, turn_id), wait)
      return c.json({ ...result, pending: await countPending(scope) }, 200)
    })
    .openapi(cancel, async (c) => {
      const { user_id, words = 'keep' } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const { turn_id } = c.req.valid('param')
      if (words === 'drop') {
        await intake.drop(scope, turn_id)
        const pending = await countPending(scope)
        return c.json({ status: 'dropped' as const, turn_id, events: [], pending }, 200)
      }
      const { events } = await intake.keepVerbatim(scope, turn_id)
      return c.json({ status: 'kept' as const, turn_id, events, pending: await countPending(scope) }, 200)
    })
    .openapi(flush, async (c) => {
      const { user_id, conversation_id, wait, end } = c.req.valid('json')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      if (end && conversation_id === undefined) {
        throw invalid('conversation_id', 'a conversation id, because end is true')
      }
      const running = end
        ? buffer?.endConversation(scope, conversation_id as string)
        : buffer?.flush(scope, conversation_id)
      const result = await resultOf(running, wait)
      return c.json({ ...result, pending: await countPending(scope, conversation_id) }, 200)
    })
    .openapi(end, async (c) => {
      const { user_id, wait } = c.req.valid('json')
      const { id } = c.req.valid('param')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const result = await resultOf(buffer?.endConversation(scope, id), wait)
      return c.json({ ...result, pending: await countPending(scope, id) }, 200)
    })
}

/** Without `wait`, a failure is logged by the buffer and listed under /v1/pending. */
async function resultOf(running: Promise<FlushResult> | undefined, wait: boolean) {
  if (!wait) {
    running?.catch(() => {})
    return { status: 'started' as const, events: [], reason: null }
  }
  const { events, reason } = (await running) ?? { events: [], reason: null }
  return { status: 'flushed' as const, events, reason }
}

import { z } from '@hono/zod-openapi'
import type { FlushResult } from '../../learning/buffer/scope-buffer.ts'
import type { Scope } from '../../memory/model/scope.ts'
import { AppError, invalid } from '../../ports/errors.ts'
import { type Api, operation, scopeOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { PENDING_STATES, pendingTurn, toPendingView } from './turns.ts'

const selection = { user_id: s.userId, conversation_id: s.conversationId.optional() }

function waits(byDefault: boolean) {
  const description = `Whether to respond after the extraction attempt; default ${byDefault}.`
  return z.boolean().default(byDefault).describe(description)
}

const flushed = {
  returns: 'Result of the flush.',
  answer: {
    status: z
      .enum(['flushed', 'started', 'failed'])
      .describe('failed: nothing was learned; reason says why, and the turns are still pending.'),
    events: z.array(s.memoryEvent),
    reason: z.string().nullable().describe('Why turns are still pending; null if none failed.'),
    pending: s.pendingCounts,
  },
}

const listPendingOperation = operation({
  route: 'GET /v1/pending',
  operationId: 'list_pending',
  summary: 'List the turns of a user that are not extracted yet',
  query: {
    ...selection,
    state: z
      .enum(PENDING_STATES)
      .optional()
      .describe('Lists only turns in this state. A failed turn is retried only by a replay or a flush.'),
  },
  returns: 'Pending turns, oldest first.',
  answer: { turns: z.array(z.object(pendingTurn)), tokens: z.number() },
})

const replayFailedOperation = operation({
  route: 'POST /v1/pending/replay',
  operationId: 'replay_failed',
  summary: 'Retry the failed turns of a user now, all or one',
  body: { user_id: s.userId, turn_id: s.turnId.optional(), wait: waits(true) },
  ...flushed,
})

const keepPendingOperation = operation({
  route: 'DELETE /v1/pending/{turn_id}',
  operationId: 'keep_pending',
  summary: 'Cancel the extraction of a pending or failed turn, and keep or drop its text',
  params: { turn_id: s.turnId },
  query: {
    user_id: s.userId,
    words: z
      .enum(['keep', 'drop'])
      .optional()
      .describe('keep, the default: the text stays as verbatim memories. drop: the text is not recalled.'),
  },
  returns: 'The extraction is cancelled.',
  answer: {
    status: z.enum(['kept', 'dropped']),
    turn_id: z.string(),
    events: z.array(s.memoryEvent),
    pending: s.pendingCounts,
  },
})

const flushOperation = operation({
  route: 'POST /v1/flush',
  operationId: 'flush',
  summary: 'Extract memories from pending turns now, including failed ones',
  body: {
    ...selection,
    wait: waits(true),
    end: z
      .boolean()
      .default(false)
      .describe(
        'Ends the conversation, as end_conversation does: requires conversation_id and skips failed turns. Logs and metrics show the trigger "end". Default false.',
      ),
  },
  ...flushed,
})

const endConversationOperation = operation({
  route: 'POST /v1/conversations/{id}/end',
  operationId: 'end_conversation',
  summary: 'End a conversation and extract memories from its pending turns now',
  description: 'Later turns of the conversation are still accepted.',
  params: { id: s.conversationId },
  body: { user_id: s.userId, wait: waits(false) },
  ...flushed,
})

export function pendingRoutes(api: Api, { buffer, intake }: HttpServices): void {
  const countPending = async (scope: Scope, conversationId?: string) => {
    await buffer?.refresh(scope)
    return buffer?.count(scope, conversationId) ?? { turns: 0, tokens: 0 }
  }

  listPendingOperation.handle(api, async ({ user_id, conversation_id, state }, c) => {
    const scope = scopeOf(c, user_id)
    await buffer?.refresh(scope)
    const turns = (buffer?.list(scope, conversation_id) ?? [])
      .map(toPendingView)
      .filter((turn) => state === undefined || turn.state === state)
    return { turns, tokens: turns.reduce((sum, { tokens }) => sum + tokens, 0) }
  })

  replayFailedOperation.handle(api, async ({ user_id, turn_id, wait }, c) => {
    const scope = scopeOf(c, user_id)
    await buffer?.refresh(scope)
    if (turn_id !== undefined && buffer?.find(scope, turn_id)?.not_before !== null) {
      throw new AppError('not_found', `turn_id: no failed turn ${JSON.stringify(turn_id)} of this user`)
    }
    const result = await resultOf(buffer?.replay(scope, turn_id), wait)
    return { ...result, pending: await countPending(scope) }
  })

  keepPendingOperation.handle(api, async ({ user_id, turn_id, words }, c) => {
    const scope = scopeOf(c, user_id)
    if (words === 'drop') {
      await intake.drop(scope, turn_id)
      return { status: 'dropped', turn_id, events: [], pending: await countPending(scope) }
    }
    const { events } = await intake.keepVerbatim(scope, turn_id)
    return { status: 'kept', turn_id, events, pending: await countPending(scope) }
  })

  flushOperation.handle(api, async ({ user_id, conversation_id, wait, end }, c) => {
    const scope = scopeOf(c, user_id)
    if (end && conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation id, because end is true')
    }
    const running = end
      ? buffer?.endConversation(scope, conversation_id as string)
      : buffer?.flush(scope, conversation_id)
    const result = await resultOf(running, wait)
    return { ...result, pending: await countPending(scope, conversation_id) }
  })

  endConversationOperation.handle(api, async ({ id, user_id, wait }, c) => {
    const scope = scopeOf(c, user_id)
    const result = await resultOf(buffer?.endConversation(scope, id), wait)
    return { ...result, pending: await countPending(scope, id) }
  })
}

/** Without `wait`, a failure is logged by the buffer and listed under /v1/pending. */
async function resultOf(running: Promise<FlushResult> | undefined, wait: boolean) {
  if (!wait) {
    running?.catch(() => {})
    return { status: 'started' as const, events: [], reason: null }
  }
  const { events, reason } = (await running) ?? { events: [], reason: null }
  const isFailed = reason !== null && events.length === 0
  return { status: isFailed ? ('failed' as const) : ('flushed' as const), events, reason }
}

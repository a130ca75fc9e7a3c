import { z } from '@hono/zod-openapi'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { chatMessages, toMessages } from '../../shared/chat-messages.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import { assertQuota } from '../../shared/quota.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { roundTo, toCleaned } from '../../shared/values.ts'

function spoken(description: string, example: string) {
  return z
    .string()
    .optional()
    .openapi({ description: `${description} Empty means absent.`, example })
}

const addMemoryOperation = operation({
  route: 'POST /v1/memories',
  operationId: 'add_memory',
  summary: 'Add a turn of a conversation to the memory',
  description:
    'Sending the same turn (conversation_id and turn) again replaces it, except that other words of the user less than 2 seconds after the first are a turn of their own. For a request without a turn number, an Idempotency-Key header makes retries safe.',
  headers: {
    'idempotency-key': s.idempotencyKey,
  },
  body: {
    user_id: s.userId,
    messages: chatMessages.optional(),
    // A custom tool of Dify fills in text fields; JSON that holds a variable breaks at the first quotation mark.
    user_message: spoken('What the user said, instead of messages.', 'I am allergic to peanuts.'),
    assistant_message: spoken('What was answered, beside user_message.', 'I will remember that.'),
    conversation_id: s.conversationId.optional(),
    turn: s.turn.optional(),
    ...s.labels,
    metadata: s.metadata.optional(),
    mode: z
      .enum(['buffered', 'sync', 'verbatim'])
      .optional()
      .describe(
        'buffered: responds immediately and extracts memories later. sync: responds after the extraction. verbatim: stores the messages as they are, without a model. Default: buffered with a language model, otherwise verbatim.',
      ),
    remember: z
      .enum(['user', 'assistant', 'both'])
      .optional()
      .describe('Whose messages become memories; default: the rules of the app.'),
  },
  returns: {
    200: 'Stored; events lists the changed memories.',
    202: 'Accepted durably; memories are extracted later.',
  },
  answer: {
    status: z.enum(['stored', 'buffered']),
    turn_id: z.string(),
    turn: z.number().nullable(),
    change: z
      .enum(['added', 'replaced', 'unchanged'])
      .describe(
        'added: the turn is new. replaced, unchanged: it was stored already, with other or the same messages.',
      ),
    abandoned_turns: z
      .number()
      .describe(
        'With other words of the user for an earlier turn (an edit): how many later turns may belong to the branch that was left. Each is replaced when the new branch reaches its number. Otherwise 0.',
      ),
    events: z.array(s.memoryEvent),
    pending: s.pendingCounts,
    degraded: s.degraded,
    reason: z.string().nullable().describe('Why the turn is pending although mode is sync; otherwise null.'),
    cleaned: s.cleaned,
    took_ms: z.number(),
  },
})

export function addRoutes(api: Api, { intake, buffer, traffic, quotas }: HttpServices): void {
  addMemoryOperation.handle(api, async (body, c) => {
    const started = performance.now()
    const { user_id, conversation_id, turn, metadata, remember, mode } = body
    if (turn !== undefined && conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation id, because turn is set')
    }
    const scope = scopeOf(c, user_id)
    await assertQuota(c, quotas, scope, 1)
    const { turnId, ...added } = await intake.add(
      scope,
      {
        ...s.toNarrowing(body),
        messages: toMessages(messagesOf(body)),
        conversationId: conversation_id,
        turn,
        metadata: metadata as JsonObject | undefined,
        remember,
        idempotencyKey: body['idempotency-key'],
      },
      mode,
    )
    traffic.turn(scope.namespace)
    const answer = {
      status: added.status,
      turn_id: turnId,
      turn: added.turn,
      change: added.change,
      abandoned_turns: added.abandonedTurns,
      events: added.events,
      pending: buffer?.count(scope) ?? { turns: 0, tokens: 0 },
      degraded: added.degraded,
      reason: added.reason,
      cleaned: toCleaned(added.cleaned),
      took_ms: roundTo(performance.now() - started),
    }
    return answer.status === 'stored' ? answer : c.json(answer, 202)
  })
}

type Messages = z.output<typeof chatMessages>

/** @throws {AppError} `invalid_request` unless the messages come in exactly one way */
function messagesOf(body: {
  messages?: Messages | undefined
  user_message?: string | undefined
  assistant_message?: string | undefined
}): Messages {
  const spoken = (['user', 'assistant'] as const).flatMap((role) => {
    const content = body[`${role}_message`]
    return content ? [{ role, content }] : []
  })
  if (body.messages === undefined && spoken.length > 0) return spoken
  if (body.messages !== undefined && spoken.length === 0) return body.messages
  throw invalid('messages', 'either a list of messages or user_message and assistant_message')
}

import { z } from '@hono/zod-openapi'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { chatMessages, toMessages } from '../../shared/chat-messages.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { roundTo, toCleaned } from '../../shared/values.ts'

export function addRoutes(api: Api, { intake, buffer, traffic }: HttpServices): void {
  operation(api, {
    route: 'POST /v1/memories',
    operationId: 'add_memory',
    summary: 'Add a turn of a conversation to the memory',
    description:
      'Sending the same turn (conversation_id and turn) again replaces it. For a request without a turn number, an Idempotency-Key header makes retries safe.',
    headers: {
      // Dify's custom tools send an optional header that is not set as an empty one.
      'idempotency-key': z
        .string()
        .max(255)
        .transform((key) => key || undefined)
        .optional()
        .openapi({
          type: 'string',
          description:
            'Identifies the request, at most 255 characters; use the same key for every retry. Empty means absent.',
          example: 'run-1-add',
        }),
    },
    body: {
      user_id: s.userId,
      messages: chatMessages,
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
      events: z.array(s.memoryEvent),
      pending: s.pendingCounts,
      degraded: s.degraded,
      reason: z
        .string()
        .nullable()
        .describe('Why the turn is pending although mode is sync; otherwise null.'),
      cleaned: s.cleaned,
      took_ms: z.number(),
    },
  }).handle(async (body, c) => {
    const started = performance.now()
    const { user_id, conversation_id, turn, metadata, remember, mode } = body
    if (turn !== undefined && conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation id, because turn is set')
    }
    const scope = scopeOf(c, user_id)
    const { turnId, ...added } = await intake.add(
      scope,
      {
        ...s.toNarrowing(body),
        messages: toMessages(body.messages),
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

import { z } from '@hono/zod-openapi'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { roundTo } from '../../shared/values.ts'

const MAX_CONTENT = 100_000

const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z
    .string()
    .max(MAX_CONTENT, { error: `expected at most ${MAX_CONTENT} characters` })
    .openapi({ example: 'I moved to Kyoto and I am allergic to peanuts.' }),
  name: s.identifier('Name of the speaker; default: the role.', 'Ada').optional(),
  at: s.time('When it was said; default: now.').optional(),
})

export function addRoutes(api: Api, { intake, buffer }: HttpServices): void {
  operation(api, {
    route: 'POST /v1/memories',
    operationId: 'add_memory',
    summary: 'Add a turn of a conversation to the memory',
    description:
      'Sending the same turn (conversation_id and turn) again replaces it. For a request without a turn number, an Idempotency-Key header makes retries safe.',
    headers: {
      'idempotency-key': z.string().min(1).max(255).optional().openapi({
        description: 'Identifies the request, at most 255 characters; use the same key for every retry.',
        example: 'run-1-add',
      }),
    },
    body: {
      user_id: s.userId,
      messages: z
        .array(message)
        .min(1, { error: 'expected at least one message' })
        .max(1000, { error: 'expected at most 1000 messages' })
        .describe(`Messages of the turn in order: 1 to 1000, each with at most ${MAX_CONTENT} characters.`),
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
      events: z.array(s.memoryEvent),
      pending: s.pendingCounts,
      degraded: s.degraded,
      reason: z
        .string()
        .nullable()
        .describe('Why the turn is pending although mode is sync; otherwise null.'),
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
        messages: body.messages.map(({ at, ...rest }) => ({
          ...rest,
          ...(at ? { at: Date.parse(at) } : {}),
        })),
        conversationId: conversation_id,
        turn,
        metadata: metadata as JsonObject | undefined,
        remember,
        idempotencyKey: body['idempotency-key'],
      },
      mode,
    )
    const answer = {
      status: added.status,
      turn_id: turnId,
      turn: added.turn,
      events: added.events,
      pending: buffer?.count(scope) ?? { turns: 0, tokens: 0 },
      degraded: added.degraded,
      reason: added.reason,
      took_ms: roundTo(performance.now() - started),
    }
    return answer.status === 'stored' ? answer : c.json(answer, 202)
  })
}

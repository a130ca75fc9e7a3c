import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../../learning/buffer/buffer-zone.ts'
import type { Intake } from '../../../learning/turn-intake.ts'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'
import { roundTo } from '../../validation/values.ts'

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

const responseBody = z.object({
  status: z.enum(['stored', 'buffered']),
  turn_id: z.string(),
  turn: z.number().nullable(),
  events: z.array(s.memoryEvent),
  pending: s.pendingCounts,
  reason: z
    .string()
    .nullable()
    .openapi({ description: 'Why the turn is pending although mode is sync; otherwise null.' }),
  took_ms: z.number(),
})

const add = createRoute({
  method: 'post',
  path: '/v1/memories',
  operationId: 'add_memory',
  summary: 'Add a turn of a conversation to the memory',
  description:
    'Sending the same turn (conversation_id and turn) again replaces it. For a request without a turn number, an Idempotency-Key header makes retries safe.',
  request: {
    headers: z.object({
      'idempotency-key': z.string().min(1).max(255).optional().openapi({
        description: 'Identifies the request, at most 255 characters; use the same key for every retry.',
        example: 'run-1-add',
      }),
    }),
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        messages: z
          .array(message)
          .min(1, { error: 'expected at least one message' })
          .max(1000, { error: 'expected at most 1000 messages' })
          .openapi({
            description: `Messages of the turn in order: 1 to 1000, each with at most ${MAX_CONTENT} characters.`,
          }),
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        agent_id: s.agentId.optional(),
        run_id: s.runId.optional(),
        app_id: s.appId.optional(),
        metadata: s.metadata.optional(),
        mode: z.enum(['buffered', 'sync', 'verbatim']).optional().openapi({
          description:
            'buffered: responds immediately and extracts memories later. sync: responds after the extraction. verbatim: stores the messages as they are, without a model. Default: buffered with a language model, otherwise verbatim.',
        }),
        remember: z.enum(['user', 'assistant', 'both']).optional().openapi({
          description: 'Whose messages become memories; default: the rules of the app.',
        }),
      }),
    ),
  },
  responses: {
    200: {
      description: 'Stored; events lists the changed memories.',
      content: { 'application/json': { schema: responseBody } },
    },
    202: {
      description: 'Accepted durably; memories are extracted later.',
      content: { 'application/json': { schema: responseBody } },
    },
  },
})

export function addRoutes({ intake, buffer }: { intake: Intake; buffer: BufferZone | undefined }) {
  return router().openapi(add, async (c) => {
    const started = performance.now()
    const body = c.req.valid('json')
    if (body.turn !== undefined && body.conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation id, because turn is set')
    }
    const scope = { namespace: c.get('namespace'), userId: body.user_id }
    const { status, turnId, turn, events, reason } = await intake.add(
      scope,
      {
        messages: body.messages.map(({ at, ...rest }) => ({
          ...rest,
          ...(at ? { at: Date.parse(at) } : {}),
        })),
        conversationId: body.conversation_id,
        turn: body.turn,
        agentId: body.agent_id,
        runId: body.run_id,
        appId: body.app_id,
        metadata: body.metadata as JsonObject | undefined,
        remember: body.remember,
        idempotencyKey: c.req.valid('header')['idempotency-key'],
      },
      body.mode,
    )
    const took_ms = roundTo(performance.now() - started)
    const pending = buffer?.count(scope) ?? { turns: 0, tokens: 0 }
    const added = { status, turn_id: turnId, turn, events, pending, reason, took_ms }
    return status === 'stored' ? c.json(added, 200) : c.json(added, 202)
  })
}

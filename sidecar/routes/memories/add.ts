import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../../buffer/buffer-zone.ts'
import type { Intake } from '../../buffer/intake.ts'
import { invalid } from '../../errors.ts'
import type { JsonObject } from '../../ports/records.ts'
import { rounded } from '../number.ts'
import { router } from '../router.ts'
import * as s from '../schemas.ts'
import { event, time, waiting } from './shared.ts'

const MAX_CONTENT = 100_000

const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z
    .string()
    .max(MAX_CONTENT, { error: `expected at most ${MAX_CONTENT} characters` })
    .openapi({ example: 'I moved to Kyoto and I am allergic to peanuts.' }),
  name: s.identifier('The name of the speaker.', 'Ada').optional(),
  at: time('When it was said; now, if absent.').optional(),
})

const answer = z.object({
  status: z.enum(['stored', 'buffered']),
  turn_id: z.string(),
  turn: z.number().nullable(),
  events: z.array(event),
  pending: waiting,
  reason: z
    .string()
    .nullable()
    .openapi({ description: 'Why a turn waits that was to be learned from at once.' }),
  took_ms: z.number(),
})

const add = createRoute({
  method: 'post',
  path: '/v1/memories',
  operationId: 'add_memory',
  summary: 'Remember a turn of a conversation',
  description:
    'Posting a turn (conversation_id and turn) again replaces what it said before. An Idempotency-Key header makes a repeated call without a turn number the same call.',
  request: {
    headers: z.object({
      'idempotency-key': z
        .string()
        .min(1)
        .max(255)
        .optional()
        .openapi({ description: 'The same for every attempt of one call.', example: 'run-1-add' }),
    }),
    body: s.jsonBody(
      z.strictObject({
        user_id: s.userId,
        messages: z
          .array(message)
          .min(1, { error: 'expected at least one message' })
          .max(1000, { error: 'expected at most 1000 messages' })
          .openapi({ description: 'What was said in the turn, in order.' }),
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        agent_id: s.agentId.optional(),
        run_id: s.runId.optional(),
        app_id: s.appId.optional(),
        metadata: s.metadata.optional(),
        mode: z.enum(['buffered', 'sync', 'verbatim']).optional().openapi({
          description:
            'buffered answers at once and learns later; sync waits for the model; verbatim keeps what was said, without a model. buffered where there is a model, else verbatim, if absent.',
        }),
        remember: z
          .enum(['user', 'assistant', 'both'])
          .optional()
          .openapi({ description: "Whose words become memories; by the app's rules, if absent." }),
      }),
    ),
  },
  responses: {
    200: { description: 'What became of the turn.', content: { 'application/json': { schema: answer } } },
    202: {
      description: 'Durable, and to be learned from.',
      content: { 'application/json': { schema: answer } },
    },
  },
})

export function addRoutes({ intake, buffer }: { intake: Intake; buffer: BufferZone | undefined }) {
  return router().openapi(add, async (c) => {
    const started = performance.now()
    const body = c.req.valid('json')
    if (body.turn !== undefined && body.conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation, since turn is given')
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
    const took_ms = rounded(performance.now() - started)
    const pending = buffer?.counts(scope) ?? { turns: 0, tokens: 0 }
    const answered = { status, turn_id: turnId, turn, events, pending, reason, took_ms }
    return status === 'stored' ? c.json(answered, 200) : c.json(answered, 202)
  })
}

import { z } from '@hono/zod-openapi'
import type { Message } from '../../../memory/model/turns.ts'
import { invalid } from '../../../ports/errors.ts'
import type { JsonObject } from '../../../ports/records.ts'
import { type ChatRole, readContent, readRole } from '../../../text/chat-message.ts'
import { MAX_MESSAGE_LENGTH } from '../../../text/cleaning/lengths.ts'
import { parseLocalTime } from '../../../text/local-time.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { roundTo, toCleaned } from '../../shared/values.ts'

const ROLE_ERROR = 'expected one of "user", "assistant", "system", "developer", "tool"'

const role = z
  .string({ error: ROLE_ERROR })
  .transform((given, context): ChatRole | null => {
    const read = readRole(given)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: ROLE_ERROR })
    return z.NEVER
  })
  .openapi({
    type: 'string',
    enum: ['user', 'assistant', 'system', 'developer', 'tool'],
    description: 'developer counts as system. Messages of tools are not stored.',
  })

const content = z
  .unknown()
  .transform((given, context): string => {
    const read = readContent(given)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: 'expected a string, a list of content parts or null' })
    return z.NEVER
  })
  .openapi({
    type: 'string',
    description:
      'The text, or a list of content parts such as {"type":"text","text":"…"}, of which only texts are read. A message without text, such as a tool call, is not stored.',
    example: 'I moved to Kyoto and I am allergic to peanuts.',
  })

/** Accepted, because chat APIs send it, and not read. */
const ignored = (type: 'string' | 'object') =>
  z.unknown().optional().openapi({ type, description: 'Not read.' })
const ignoredList = z
  .unknown()
  .optional()
  .openapi({ type: 'array', items: { type: 'object' }, description: 'Not read.' })

const message = z.strictObject({
  role,
  content: content.optional(),
  tool_calls: ignoredList,
  tool_call_id: ignored('string'),
  function_call: ignored('object'),
  refusal: ignored('string'),
  annotations: ignoredList,
  audio: ignored('object'),
  reasoning_content: ignored('string'),
  name: s.identifier('Name of the speaker; default: the role.', 'Ada').optional(),
  at: s
    .time(
      'When it was said; default: now. Its UTC offset decides the local date; with Z, the rules of the app do.',
    )
    .optional(),
})

export function addRoutes(api: Api, { intake, buffer, traffic }: HttpServices): void {
  operation(api, {
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
      messages: z
        .array(message)
        .min(1, { error: 'expected at least one message' })
        .max(1000, { error: 'expected at most 1000 messages' })
        .describe(
          `Messages of the turn in order: 1 to 1000. A message of more than ${MAX_MESSAGE_LENGTH} characters is stored in pieces.`,
        ),
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
        messages: body.messages.flatMap(toMessage),
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

/** Empty for a message without text. */
function toMessage({ role, content = '', name, at }: z.output<typeof message>): Message[] {
  if (role === null || content.trim() === '') return []
  return [
    {
      role,
      content,
      ...(name === undefined ? {} : { name }),
      ...(at === undefined ? {} : parseLocalTime(at)),
    },
  ]
}

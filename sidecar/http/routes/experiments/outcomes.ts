import { z } from '@hono/zod-openapi'
import { readValue, VALUE_EXPECTED } from '../../../experiments/outcomes/value.ts'
import { invalid } from '../../../ports/errors.ts'
import { type Api, operation, scopeOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'

const value = z
  .unknown()
  .transform((given, context): number | null => {
    const read = readValue(given)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: VALUE_EXPECTED })
    return z.NEVER
  })
  .openapi({
    type: 'string',
    description:
      'A number, also as text; true, like and up are 1, false, dislike and down are 0. none removes an earlier outcome.',
    example: 'like',
  })

const recordOutcomeOperation = operation({
  route: 'POST /v1/outcomes',
  operationId: 'record_outcome',
  summary: 'Record an outcome of a turn, a conversation or a user, for the experiments',
  description:
    'A later outcome with the same name and id replaces the earlier one. Without an id, a turn has one outcome of each name; without a turn, every call counts.',
  body: {
    name: s.identifier('What is measured.', 'thumbs'),
    value,
    user_id: s.userId,
    conversation_id: s.conversationId.optional(),
    turn: s.turn.optional(),
    id: s.identifier('Makes the outcome idempotent, such as the id of a message.', 'msg-1').optional(),
  },
  returns: 'The arms that got the outcome.',
  answer: {
    status: z.enum(['ok']),
    attributed: z.array(z.object({ experiment: z.string(), arm: z.string() })),
    reason: z
      .enum(['no_unit', 'not_counted'])
      .nullable()
      .describe(
        'Why attributed is empty: no_unit: no experiment has assigned this conversation or user. not_counted: the ' +
          'unit has outcomes of too many names, or was erased.',
      ),
  },
})

export function outcomeRoutes(api: Api, { outcomes }: HttpServices): void {
  recordOutcomeOperation.handle(api, async ({ name, value, user_id, conversation_id, turn, id }, c) => {
    if (turn !== undefined && conversation_id === undefined) {
      throw invalid('conversation_id', 'a conversation id, because turn is set')
    }
    if (value === null && id === undefined && turn === undefined) {
      throw invalid('id', 'the id or the turn of the outcome to remove, because value is none')
    }
    const outcome = { name, value, conversationId: conversation_id, turn, id }
    const { attributed, reason } = await outcomes.record(scopeOf(c, user_id), outcome)
    return { status: 'ok', attributed, reason }
  })
}

import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import { AppError } from '../errors.ts'
import { readConversation } from '../memory/turns.ts'
import type { RecordStore } from '../ports/records.ts'
import { scopeKey } from '../scope.ts'
import { waiting } from './memories/shared.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const get = createRoute({
  method: 'get',
  path: '/v1/conversations/{id}',
  operationId: 'get_conversation',
  summary: 'What is known of a conversation',
  description:
    'The middle tier of memory, between the window and what is remembered for good. Its memories are listed by conversation_id.',
  request: { params: z.object({ id: s.conversationId }), query: z.strictObject({ user_id: s.userId }) },
  responses: s.answers(
    'The conversation.',
    z.object({
      conversation_id: z.string(),
      last_turn: z.number(),
      summary: z
        .string()
        .openapi({ description: 'Of the turns that have been learned from; empty where there are none.' }),
      pending: waiting,
    }),
  ),
})

export interface ConversationServices {
  records: RecordStore
  buffer: BufferZone | undefined
}

export function conversationRoutes({ records, buffer }: ConversationServices) {
  return router().openapi(get, async (c) => {
    const { id } = c.req.valid('param')
    const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
    const conversation = await readConversation(records, scopeKey(scope), id)
    if (!conversation) {
      throw new AppError('not_found', `id: no conversation ${JSON.stringify(id)} of this user`)
    }
    const { last_turn, summary } = conversation
    const pending = buffer?.counts(scope, id) ?? { turns: 0, tokens: 0 }
    return c.json({ conversation_id: id, last_turn, summary, pending }, 200)
  })
}

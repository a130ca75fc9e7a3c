import { createRoute, z } from '@hono/zod-openapi'
import type { Timeline, TimelineRecall, TimelineTurn } from '../../insight/timeline/timeline.ts'
import type { BufferZone } from '../../learning/buffer/buffer-zone.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import { getConversation } from '../../memory/repositories/conversations.ts'
import { AppError } from '../../ports/errors.ts'
import type { RecordStore } from '../../ports/records.ts'
import { listTurns } from '../../retrieval/blocks/turn-coverage.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'
import { decodeCursor, encodeCursor, toIso } from '../validation/values.ts'
import { cacheReport, STRATEGIES } from './recall.ts'

const get = createRoute({
  method: 'get',
  path: '/v1/conversations/{id}',
  operationId: 'get_conversation',
  summary: 'Get the summary of a conversation',
  description:
    'The middle tier of memory, between the chat window and the memories of the user. List its memories with list_memories and conversation_id.',
  request: { params: z.object({ id: s.conversationId }), query: z.strictObject({ user_id: s.userId }) },
  responses: s.responses(
    'The conversation.',
    z.object({
      conversation_id: z.string(),
      last_turn: z.number(),
      summary: z.string().openapi({ description: 'Summary of the extracted turns; "" if there are none.' }),
      pending: s.pendingCounts,
    }),
  ),
})

const MAX_LISTED_TURNS = 100

const recall = z.object({
  at: z.string().openapi({ description: 'Start of the recall.' }),
  strategy: z.enum(STRATEGIES),
  cache: cacheReport,
  watermark: z.number().nullable().openapi({
    description: 'The block includes every stored turn up to this one; null without a block.',
  }),
  window_size: z.number().nullable(),
  tokens: z.number().openapi({ description: 'o200k tokens of block and delta.' }),
  memories: z.number(),
  pending_turns: z.array(z.number()).openapi({
    description: `Turns of the conversation that were not extracted yet and were found by their text; the last ${MAX_LISTED_TURNS}.`,
  }),
  degraded: z.array(z.string()),
  took_ms: z.number(),
  uncovered: z.boolean().openapi({
    description:
      'Whether the recall missed a memory: a turn with memories was added before the recall, was outside the window, ' +
      'and was not included in the context. Computed from stored records, independently of the cache. Must be false ' +
      'unless degraded contains profile or nothing.',
  }),
  uncovered_turns: z.array(z.number()).openapi({ description: `The last ${MAX_LISTED_TURNS}.` }),
})

const timelineOf = createRoute({
  method: 'get',
  path: '/v1/conversations/{id}/timeline',
  operationId: 'get_timeline',
  summary: 'List the recalls of each turn of a conversation, and why the cache was used or not',
  description: 'Latest turn first. Keeps the latest 1000 recalls of a conversation.',
  request: {
    params: z.object({ id: s.conversationId }),
    query: z.strictObject({ user_id: s.userId, limit: s.queryLimit(200, 50), cursor: s.cursor }),
  },
  responses: s.responses(
    'A page of turns.',
    z.object({
      conversation_id: z.string(),
      turns: z.array(
        z.object({
          turn: z.number(),
          added_at: z
            .string()
            .nullable()
            .openapi({ description: 'null for a turn that was recalled but never added.' }),
          recalls: z
            .array(recall)
            .openapi({ description: 'Oldest first; empty for a turn without a recall.' }),
        }),
      ),
      uncovered: z.boolean().openapi({ description: 'Whether any recall of this page is uncovered.' }),
      next_cursor: s.nextCursor,
    }),
  ),
})

interface ConversationServices {
  records: RecordStore
  buffer: BufferZone | undefined
  timeline: Timeline
}

export function conversationRoutes({ records, buffer, timeline }: ConversationServices) {
  return router()
    .openapi(get, async (c) => {
      const { id } = c.req.valid('param')
      const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
      const conversation = await getConversation(records, scopeKey(scope), id)
      if (!conversation) throw conversationNotFound(id)
      const { last_turn, summary } = conversation
      await buffer?.refresh(scope)
      const pending = buffer?.count(scope, id) ?? { turns: 0, tokens: 0 }
      return c.json({ conversation_id: id, last_turn, summary, pending }, 200)
    })
    .openapi(timelineOf, async (c) => {
      const { id } = c.req.valid('param')
      const { user_id, limit, cursor } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const before = cursor === undefined ? undefined : decodeCursor(cursor).order
      const { turns, next } = await timeline.read(scope, id, { limit, before })
      if (turns.length === 0 && before === undefined) throw conversationNotFound(id)
      return c.json(
        {
          conversation_id: id,
          turns: turns.map(toTurnView),
          uncovered: turns.some(({ recalls }) => recalls.some(({ uncovered }) => uncovered.length > 0)),
          next_cursor: next === null ? null : encodeCursor({ order: next, id: '' }),
        },
        200,
      )
    })
}

function conversationNotFound(id: string): AppError {
  return new AppError('not_found', `id: no conversation ${JSON.stringify(id)} of this user`)
}

function toTurnView({ turn, addedAt, recalls }: TimelineTurn) {
  return { turn, added_at: toIso(addedAt), recalls: recalls.map(toRecallView) }
}

function toRecallView({ at, turn, known, degraded, uncovered, ...row }: TimelineRecall) {
  return {
    ...row,
    at: toIso(at),
    degraded: [...degraded],
    pending_turns: listTurns(known?.pending ?? [], MAX_LISTED_TURNS),
    uncovered: uncovered.length > 0,
    uncovered_turns: uncovered.slice(-MAX_LISTED_TURNS),
  }
}

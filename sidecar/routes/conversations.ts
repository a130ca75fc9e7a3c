import { createRoute, z } from '@hono/zod-openapi'
import type { BufferZone } from '../buffer/buffer-zone.ts'
import { AppError } from '../errors.ts'
import { getConversation } from '../memory/repositories/conversations.ts'
import type { RecordStore } from '../ports/records.ts'
import { scopeKey } from '../scope.ts'
import type { Shown, Timeline, TimelineTurn } from '../timeline/timeline.ts'
import { type TurnRanges, turnsIn } from '../window/knowledge.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { waiting } from './memories/shared.ts'
import { STRATEGIES, servedFrom } from './recall.ts'
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

const MAX_LISTED = 100

const shown = z.object({
  at: z.string().openapi({ description: 'When the recall began.' }),
  strategy: z.enum(STRATEGIES),
  cache: servedFrom,
  watermark: z
    .number()
    .nullable()
    .openapi({ description: 'Of the block: it was built knowing every turn up to this one that there was.' }),
  window_size: z.number().nullable(),
  tokens: z.number(),
  memories: z.number(),
  pending_turns: z.array(z.number()).openapi({
    description: `Turns of the conversation that waited to be learned from, and were known by their words; at most ${MAX_LISTED}.`,
  }),
  degraded: z.array(z.string()),
  took_ms: z.number(),
  uncovered: z.boolean().openapi({
    description:
      'Whether something remembered was hidden: added before, out of the window, and not known to what was served. ' +
      'Worked out of what is stored, whatever the cache believed. It must be false unless degraded says profile or nothing.',
  }),
  uncovered_turns: z.array(z.number()),
})

const timelineOf = createRoute({
  method: 'get',
  path: '/v1/conversations/{id}/timeline',
  operationId: 'get_timeline',
  summary: 'What each turn of a conversation was answered with, and why',
  description: 'The latest turns first. The latest thousand recalls of a conversation are kept.',
  request: {
    params: z.object({ id: s.conversationId }),
    query: z.strictObject({
      user_id: s.userId,
      limit: s.inQuery(s.wholeNumber(1, 200), '50'),
      cursor: z.string().optional().openapi({ description: 'next_cursor of the page before.' }),
    }),
  },
  responses: s.answers(
    'A page of turns.',
    z.object({
      conversation_id: z.string(),
      turns: z.array(
        z.object({
          turn: z.number(),
          added_at: z
            .string()
            .nullable()
            .openapi({ description: 'null for a turn that was recalled for and never added.' }),
          recalls: z
            .array(shown)
            .openapi({ description: 'Oldest first; none for a turn that was only added.' }),
        }),
      ),
      uncovered: z.boolean().openapi({ description: 'Whether any recall of this page hid something.' }),
      next_cursor: z.string().nullable(),
    }),
  ),
})

export interface ConversationServices {
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
      if (!conversation) throw noConversation(id)
      const { last_turn, summary } = conversation
      await buffer?.refresh(scope)
      const pending = buffer?.counts(scope, id) ?? { turns: 0, tokens: 0 }
      return c.json({ conversation_id: id, last_turn, summary, pending }, 200)
    })
    .openapi(timelineOf, async (c) => {
      const { id } = c.req.valid('param')
      const { user_id, limit = 50, cursor } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const before = cursor === undefined ? undefined : decodeCursor(cursor).order
      const { turns, next } = await timeline.read(scope, id, { limit, before })
      if (turns.length === 0 && before === undefined) throw noConversation(id)
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

function noConversation(id: string): AppError {
  return new AppError('not_found', `id: no conversation ${JSON.stringify(id)} of this user`)
}

function toTurnView({ turn, addedAt, recalls }: TimelineTurn) {
  const added_at = addedAt === null ? null : new Date(addedAt).toISOString()
  return { turn, added_at, recalls: recalls.map(toShownView) }
}

function toShownView({ at, turn, known, degraded, uncovered, ...row }: Shown) {
  return {
    ...row,
    at: new Date(at).toISOString(),
    degraded: [...degraded],
    pending_turns: turnsIn(known?.pending ?? NO_TURNS, MAX_LISTED),
    uncovered: uncovered.length > 0,
    uncovered_turns: uncovered.slice(-MAX_LISTED),
  }
}

const NO_TURNS: TurnRanges = []

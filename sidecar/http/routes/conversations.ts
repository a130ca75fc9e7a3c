import { z } from '@hono/zod-openapi'
import type { TimelineRecall } from '../../insight/timeline/timeline.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import { getConversation } from '../../memory/repositories/turns.ts'
import { AppError } from '../../ports/errors.ts'
import { listTurns } from '../../retrieval/blocks/turn-coverage.ts'
import { STRATEGIES } from '../../retrieval/strategies/request.ts'
import { type Api, operation, scopeOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { decodeCursor, encodeCursor, toIso } from '../shared/values.ts'
import { cacheView } from './recall.ts'

const MAX_LISTED_TURNS = 100

const recall = z.object({
  at: z.string().describe('Start of the recall.'),
  strategy: z.enum(STRATEGIES),
  arm: z.string().nullable().describe('experiment/arm that answered; null without an experiment.'),
  cache: cacheView,
  watermark: z
    .number()
    .nullable()
    .describe('The block includes every stored turn up to this one; null without a block.'),
  window_size: z.number().nullable(),
  tokens: z.number().describe('o200k tokens of block and delta.'),
  memories: z.number(),
  pending_turns: z
    .array(z.number())
    .describe(
      `Turns of the conversation that were not extracted yet and were found by their text; the last ${MAX_LISTED_TURNS}.`,
    ),
  degraded: z.array(z.string()),
  took_ms: z.number(),
  uncovered: z
    .boolean()
    .describe(
      'Whether the recall missed a memory: a turn with memories was added before the recall, was outside the window, ' +
        'and was not included in the context. Computed from stored records, independently of the cache. Must be false ' +
        'unless degraded contains profile or nothing.',
    ),
  uncovered_turns: z.array(z.number()).describe(`The last ${MAX_LISTED_TURNS}.`),
})

export function conversationRoutes(api: Api, { records, buffer, timeline }: HttpServices): void {
  operation(api, {
    route: 'GET /v1/conversations/{id}',
    operationId: 'get_conversation',
    summary: 'Get the summary of a conversation',
    description:
      'The middle tier of memory, between the chat window and the memories of the user. List its memories with list_memories and conversation_id.',
    params: { id: s.conversationId },
    query: { user_id: s.userId },
    returns: 'The conversation.',
    answer: {
      conversation_id: z.string(),
      last_turn: z.number(),
      summary: z.string().describe('Summary of the extracted turns; "" if there are none.'),
      pending: s.pendingCounts,
    },
  }).handle(async ({ id, user_id }, c) => {
    const scope = scopeOf(c, user_id)
    const conversation = await getConversation(records, scopeKey(scope), id)
    if (!conversation) throw conversationNotFound(id)
    const { last_turn, summary } = conversation
    await buffer?.refresh(scope)
    const pending = buffer?.count(scope, id) ?? { turns: 0, tokens: 0 }
    return { conversation_id: id, last_turn, summary, pending }
  })

  operation(api, {
    route: 'GET /v1/conversations/{id}/timeline',
    operationId: 'get_timeline',
    summary: 'List the recalls of each turn of a conversation, and why the cache was used or not',
    description: 'Latest turn first. Keeps the latest 1000 recalls of a conversation.',
    params: { id: s.conversationId },
    query: { user_id: s.userId, limit: s.queryLimit(200, 50), cursor: s.cursor },
    returns: 'A page of turns.',
    answer: {
      conversation_id: z.string(),
      turns: z.array(
        z.object({
          turn: z.number(),
          added_at: z.string().nullable().describe('null for a turn that was recalled but never added.'),
          recalls: z.array(recall).describe('Oldest first; empty for a turn without a recall.'),
        }),
      ),
      uncovered: z.boolean().describe('Whether any recall of this page is uncovered.'),
      next_cursor: s.nextCursor,
    },
  }).handle(async ({ id, user_id, limit, cursor }, c) => {
    const before = cursor === undefined ? undefined : decodeCursor(cursor).order
    const { turns, next } = await timeline.read(scopeOf(c, user_id), id, { limit, before })
    if (turns.length === 0 && before === undefined) throw conversationNotFound(id)
    return {
      conversation_id: id,
      turns: turns.map(({ turn, addedAt, recalls }) => ({
        turn,
        added_at: toIso(addedAt),
        recalls: recalls.map(toRecallView),
      })),
      uncovered: turns.some(({ recalls }) => recalls.some(({ uncovered }) => uncovered.length > 0)),
      next_cursor: next === null ? null : encodeCursor({ order: next, id: '' }),
    }
  })
}

function conversationNotFound(id: string): AppError {
  return new AppError('not_found', `id: no conversation ${JSON.stringify(id)} of this user`)
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

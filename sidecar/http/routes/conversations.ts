import { z } from '@hono/zod-openapi'
import type { TimelineRecall } from '../../insight/timeline/timeline.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import { getConversation, listConversations } from '../../memory/repositories/turns.ts'
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
  included_turns: z
    .array(z.array(z.number()))
    .describe('Turns of the conversation that the context could include, as ranges of first and last turn.'),
  block_ids: z
    .array(z.string())
    .optional()
    .describe('Memories of the block, at most 200; absent for a recall that was served an earlier block.'),
  delta_ids: z
    .array(z.string())
    .optional()
    .describe('Memories found for the query of this turn; absent if there are none.'),
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

const getConversationOperation = operation({
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
})

const forgetConversationOperation = operation({
  route: 'DELETE /v1/conversations/{id}',
  operationId: 'forget_conversation',
  summary: 'Erase a conversation: its turns, its timeline, and the memories that only it states',
  description:
    'A memory that another conversation states too, or that was corrected by hand, stays. An unknown conversation is no error: 0 turns are erased.',
  params: { id: s.conversationId },
  query: { user_id: s.userId },
  returns: 'Number of erased turns and memories.',
  answer: { status: z.enum(['forgotten']), turns: z.number(), memories: z.number() },
})

const listConversationsOperation = operation({
  route: 'GET /v1/conversations',
  operationId: 'list_conversations',
  summary: 'List the conversations of a user',
  query: { user_id: s.userId, limit: s.queryLimit(200, 50), cursor: s.cursor },
  returns: 'A page of conversations, latest change first.',
  answer: {
    conversations: z.array(
      z.object({
        conversation_id: z.string(),
        last_turn: z.number(),
        summary: z.string(),
        updated_at: z.string(),
      }),
    ),
    next_cursor: s.nextCursor,
  },
})

const getTimelineOperation = operation({
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
        messages: z
          .array(z.object({ role: z.enum(['user', 'assistant', 'system']), content: z.string() }))
          .describe('As stored; empty for a turn that was never added.'),
        recalls: z.array(recall).describe('Oldest first; empty for a turn without a recall.'),
      }),
    ),
    uncovered: z.boolean().describe('Whether any recall of this page is uncovered.'),
    next_cursor: s.nextCursor,
  },
})

export function conversationRoutes(api: Api, { records, buffer, timeline, engine }: HttpServices): void {
  getConversationOperation.handle(api, async ({ id, user_id }, c) => {
    const scope = scopeOf(c, user_id)
    const conversation = await getConversation(records, scopeKey(scope), id)
    if (!conversation) throw conversationNotFound(id)
    const { last_turn, summary } = conversation
    await buffer?.refresh(scope)
    const pending = buffer?.count(scope, id) ?? { turns: 0, tokens: 0 }
    return { conversation_id: id, last_turn, summary, pending }
  })

  forgetConversationOperation.handle(api, async ({ id, user_id }, c) => {
    const scope = scopeOf(c, user_id)
    const erased = await engine.forgetConversation(scope, id)
    await buffer?.reload(scope)
    await timeline.forgetConversation(scope, id)
    return { status: 'forgotten', ...erased }
  })

  listConversationsOperation.handle(api, async ({ user_id, limit, cursor }, c) => {
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const page = await listConversations(records, scopeKey(scopeOf(c, user_id)), { limit, after })
    return {
      conversations: page.conversations.map(({ id, last_turn, summary, updatedAt }) => ({
        conversation_id: id,
        last_turn,
        summary,
        updated_at: toIso(updatedAt),
      })),
      next_cursor: page.next && encodeCursor(page.next),
    }
  })

  getTimelineOperation.handle(api, async ({ id, user_id, limit, cursor }, c) => {
    const before = cursor === undefined ? undefined : decodeCursor(cursor).order
    const { turns, next } = await timeline.read(scopeOf(c, user_id), id, { limit, before })
    if (turns.length === 0 && before === undefined) throw conversationNotFound(id)
    return {
      conversation_id: id,
      turns: turns.map(({ turn, addedAt, messages, recalls }) => ({
        turn,
        added_at: toIso(addedAt),
        messages: messages.map(({ role, content }) => ({ role, content })),
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
    included_turns: toIncluded(known),
    pending_turns: listTurns(known?.pending ?? [], MAX_LISTED_TURNS),
    uncovered: uncovered.length > 0,
    uncovered_turns: uncovered.slice(-MAX_LISTED_TURNS),
  }
}

function toIncluded(known: TimelineRecall['known']): number[][] {
  // Turns below `from` are not listed and count as included.
  const listed = (known?.turns ?? []).map((range) => [...range])
  return known?.from ? [[0, known.from - 1], ...listed] : listed
}

import { createRoute, z } from '@hono/zod-openapi'
import { invalid } from '../errors.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import { compileFilter } from '../memory/filters.ts'
import { toView } from '../memory/memory.ts'
import type { JsonObject } from '../ports/records.ts'
import type { Recall } from '../recall/recall.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { rounded } from './number.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

const MAX_CONTENT = 100_000

const message = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z
    .string()
    .max(MAX_CONTENT, { error: `expected at most ${MAX_CONTENT} characters` })
    .openapi({ example: 'I moved to Kyoto and I am allergic to peanuts.' }),
  name: s.identifier('The name of the speaker.', 'Ada').optional(),
  at: z.iso
    .datetime({ offset: true, error: 'expected an ISO 8601 time with a zone' })
    .optional()
    .openapi({ description: 'When it was said; now, if absent.', example: '2026-03-01T09:30:00Z' }),
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
        mode: z
          .enum(['buffered', 'sync', 'verbatim'])
          .optional()
          .openapi({ description: 'verbatim keeps what was said, without a model.' }),
        remember: z
          .enum(['user', 'assistant', 'both'])
          .default('both')
          .openapi({ description: 'Whose words become memories.' }),
      }),
    ),
  },
  responses: s.answers(
    'What became of the turn.',
    z.object({
      status: z.enum(['stored']),
      turn_id: z.string(),
      turn: z.number().nullable(),
      events: z.array(
        z.object({ event: z.enum(['ADD', 'UPDATE', 'DELETE', 'NOOP']), id: z.string(), memory: z.string() }),
      ),
      pending: z.object({ turns: z.number(), tokens: z.number() }),
      took_ms: z.number(),
    }),
  ),
})

const narrowing = {
  user_id: s.userId,
  agent_id: s.agentId.optional(),
  run_id: s.runId.optional(),
  app_id: s.appId.optional(),
  conversation_id: s.conversationId.optional(),
}

const list = createRoute({
  method: 'get',
  path: '/v1/memories',
  operationId: 'list_memories',
  summary: 'List the memories of a user',
  request: {
    query: z.strictObject({
      ...narrowing,
      limit: s.inQuery(s.wholeNumber(1, 500), '50'),
      cursor: z.string().max(500).optional().openapi({ description: 'next_cursor of the page before.' }),
      order: z.enum(['newest', 'oldest']).optional().openapi({ description: 'newest, if absent.' }),
    }),
  },
  responses: s.answers(
    'A page.',
    z.object({ memories: z.array(s.memoryView), next_cursor: z.string().nullable() }),
  ),
})

const oneMemory = {
  params: z.object({ id: z.string().max(100).openapi({ description: 'The id of the memory.' }) }),
  query: z.strictObject({ user_id: s.userId }),
}

const get = createRoute({
  method: 'get',
  path: '/v1/memories/{id}',
  operationId: 'get_memory',
  summary: 'Read one memory',
  request: oneMemory,
  responses: s.answers('The memory.', s.memoryView),
})

const remove = createRoute({
  method: 'delete',
  path: '/v1/memories/{id}',
  operationId: 'delete_memory',
  summary: 'Delete one memory',
  request: oneMemory,
  responses: s.answers('What was deleted.', z.object({ status: z.enum(['deleted']), memory: s.memoryView })),
})

const search = createRoute({
  method: 'post',
  path: '/v1/memories/search',
  operationId: 'search_memories',
  summary: 'Search the memories of a user',
  request: {
    body: s.jsonBody(
      z.strictObject({
        ...narrowing,
        query: s.query,
        top_k: s.topK.default(10),
        threshold: z.number().optional().openapi({ description: 'Lowest score that is answered.' }),
        filters: s.filters.optional(),
        explain: z.boolean().default(false).openapi({ description: 'Answer with the parts of each score.' }),
      }),
    ),
  },
  responses: s.answers(
    'The best matches first.',
    z.object({
      memories: z.array(
        s.memoryView.extend({
          score: z.number(),
          parts: z.record(z.string(), z.number()).optional().openapi({ type: 'object' }),
        }),
      ),
      degraded: z.array(z.string()),
      took_ms: z.number(),
    }),
  ),
})

export function memoryRoutes({ engine, recall }: { engine: MemoryEngine; recall: Recall }) {
  return router()
    .openapi(add, async (c) => {
      const started = performance.now()
      const body = c.req.valid('json')
      if (body.mode === 'buffered' || body.mode === 'sync') {
        throw invalid(
          'mode',
          '"verbatim" (the other modes need a language model, and none is configured)',
          body.mode,
        )
      }
      if (body.turn !== undefined && body.conversation_id === undefined) {
        throw invalid('conversation_id', 'a conversation, since turn is given')
      }
      const { turnId, turn, events } = await engine.add(
        { namespace: c.get('namespace'), userId: body.user_id },
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
      )
      const took_ms = rounded(performance.now() - started)
      return c.json(
        {
          status: 'stored' as const,
          turn_id: turnId,
          turn,
          events,
          pending: { turns: 0, tokens: 0 },
          took_ms,
        },
        200,
      )
    })
    .openapi(list, async (c) => {
      const { user_id, limit, cursor, order, ...rest } = c.req.valid('query')
      const { memories, next } = await engine.list(
        { namespace: c.get('namespace'), userId: user_id },
        {
          limit: limit ?? 50,
          after: cursor === undefined ? undefined : decodeCursor(cursor),
          direction: order === 'oldest' ? 'ascending' : 'descending',
          accept: compileFilter(defined(rest)),
        },
      )
      return c.json(
        {
          memories: memories.map((memory) => toView(memory, user_id)),
          next_cursor: next && encodeCursor(next),
        },
        200,
      )
    })
    .openapi(get, async (c) => {
      const { user_id } = c.req.valid('query')
      const memory = await engine.get(
        { namespace: c.get('namespace'), userId: user_id },
        c.req.valid('param').id,
      )
      return c.json(toView(memory, user_id), 200)
    })
    .openapi(remove, async (c) => {
      const { user_id } = c.req.valid('query')
      const memory = await engine.remove(
        { namespace: c.get('namespace'), userId: user_id },
        c.req.valid('param').id,
      )
      return c.json({ status: 'deleted' as const, memory: toView(memory, user_id) }, 200)
    })
    .openapi(search, async (c) => {
      const body = c.req.valid('json')
      const { found, degraded, tookMs } = await recall.search(
        { namespace: c.get('namespace'), userId: body.user_id },
        {
          query: body.query,
          topK: body.top_k,
          threshold: body.threshold,
          filter: body.filters && compileFilter(body.filters),
          explain: body.explain,
          agentId: body.agent_id,
          runId: body.run_id,
          appId: body.app_id,
          conversationId: body.conversation_id,
        },
      )
      const memories = found.map(({ memory, score, parts }) => ({
        ...toView(memory, body.user_id),
        score: rounded(score, 6),
        ...(body.explain && parts ? { parts } : {}),
      }))
      return c.json({ memories, degraded, took_ms: rounded(tookMs.total) }, 200)
    })
}

function defined(fields: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

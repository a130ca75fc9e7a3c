import { createRoute, z } from '@hono/zod-openapi'
import { AppError } from '../errors.ts'
import { compileFilter } from '../memory/filters.ts'
import { toView } from '../memory/memory.ts'
import type { Recall } from '../recall/recall.ts'
import { rounded } from './number.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

/** `auto` is the best that is known of the call; with this set of strategies that is `per_query`. */
const STRATEGIES = ['auto', 'per_query'] as const

const recalled = s.memoryView
  .omit({ user_id: true, sources: true, created_at: true, updated_at: true })
  .extend({ content: z.string(), score: z.number() })

const route = createRoute({
  method: 'post',
  path: '/v1/recall',
  operationId: 'recall',
  summary: 'What to put into the prompt for this query',
  request: {
    body: s.jsonBody(
      z.strictObject({
        query: s.query,
        user_id: s.userId,
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        strategy: z.enum(STRATEGIES).default('auto').openapi({ description: 'How the memory is chosen.' }),
        window_size: s.windowSize.optional(),
        top_k: s.topK.default(8),
        token_budget: s
          .wholeNumber(0, 100_000)
          .default(1200)
          .openapi({ description: 'Most tokens (o200k) of the context.' }),
        freshness: z
          .enum(['window', 'write'])
          .optional()
          .openapi({ description: 'When a cached block is refreshed; per_query is always fresh.' }),
        experiment: s
          .identifier('Name of an experiment that picks the strategy.', 'cached-or-not')
          .optional(),
        filters: s.filters.optional(),
        agent_id: s.agentId.optional(),
        run_id: s.runId.optional(),
        app_id: s.appId.optional(),
      }),
    ),
  },
  responses: s.answers(
    'Context for the prompt. A conversation without memories is no failure: status is "empty".',
    z.object({
      status: z.enum(['ok', 'empty', 'degraded']),
      strategy: z.enum(['per_query']),
      engine: z.enum(['snapshot']),
      context: z.string(),
      block: z.string(),
      delta: z.string(),
      memories: z.array(recalled),
      count: z.number(),
      degraded: z.array(z.string()),
      cache: z.object({
        result: z.enum(['none']),
        reason: z.enum(['disabled']),
        age_turns: z.number().nullable(),
        serves_until_turn: z.number().nullable(),
        block_hash: z.string().nullable(),
      }),
      took_ms: z.object({ total: z.number(), embed: z.number(), search: z.number(), render: z.number() }),
      tokens: z.number(),
    }),
  ),
})

/** `per_query` keeps no block: nothing was looked up in a cache. */
const NO_CACHE = {
  result: 'none' as const,
  reason: 'disabled' as const,
  age_turns: null,
  serves_until_turn: null,
  block_hash: null,
}

export function recallRoutes({ recall }: { recall: Recall }) {
  return router().openapi(route, async (c) => {
    const body = c.req.valid('json')
    if (body.experiment !== undefined) {
      throw new AppError('not_found', `experiment: no experiment ${JSON.stringify(body.experiment)}`)
    }
    const { found, rendered, degraded, tookMs } = await recall.perQuery(
      { namespace: c.get('namespace'), userId: body.user_id },
      {
        query: body.query,
        topK: body.top_k,
        tokenBudget: body.token_budget,
        filter: body.filters && compileFilter(body.filters),
        conversationId: body.conversation_id,
        turn: body.turn,
        windowSize: body.window_size,
        agentId: body.agent_id,
        runId: body.run_id,
        appId: body.app_id,
      },
    )
    const memories = found.map(({ memory, score }) => {
      const { user_id, sources, created_at, updated_at, ...shown } = toView(memory, body.user_id)
      return { ...shown, content: memory.text, score: rounded(score, 6) }
    })
    const { embed, search, render, total } = tookMs
    return c.json(
      {
        status:
          degraded.length > 0
            ? ('degraded' as const)
            : found.length > 0
              ? ('ok' as const)
              : ('empty' as const),
        strategy: 'per_query' as const,
        engine: 'snapshot' as const,
        context: rendered.text,
        // All of it belongs to this query, so it goes next to the query and not into the stable part of the prompt.
        block: '',
        delta: rendered.text,
        memories,
        count: memories.length,
        degraded,
        cache: NO_CACHE,
        took_ms: {
          total: rounded(total),
          embed: rounded(embed),
          search: rounded(search),
          render: rounded(render),
        },
        tokens: rendered.tokens,
      },
      200,
    )
  })
}

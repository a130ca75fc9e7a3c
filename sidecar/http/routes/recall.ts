import { createRoute, z } from '@hono/zod-openapi'
import { compileFilter } from '../../memory/model/filters.ts'
import { toView } from '../../memory/model/memory.ts'
import { AppError } from '../../ports/errors.ts'
import type { StrategyResult } from '../../retrieval/strategies/request.ts'
import type { Strategies } from '../../retrieval/strategies/strategies.ts'
import { router } from '../validation/router.ts'
import * as s from '../validation/schemas.ts'
import { roundTo } from '../validation/values.ts'

export const STRATEGIES = ['per_query', 'cached', 'cached_delta'] as const

const REASONS = [
  'hit',
  'first',
  'window',
  'fence',
  'write',
  'ttl',
  'topic_shift',
  'forced',
  'disabled',
] as const

export const cacheReport = z
  .object({
    result: z.enum(['hit', 'miss', 'none']),
    reason: z.enum(REASONS),
    age_turns: z.number().nullable(),
    serves_until_turn: z.number().nullable(),
    block_hash: z.string().nullable(),
  })
  .openapi({ description: 'Whether the block came from the cache, and why.' })

const recalledMemory = s.memoryView
  .omit({ user_id: true, sources: true, created_at: true, updated_at: true })
  .extend({ content: z.string(), score: z.number() })

const responseBody = z.object({
  status: z.enum(['ok', 'empty', 'degraded']),
  strategy: z.enum(STRATEGIES),
  engine: z.enum(['snapshot']),
  context: z.string().openapi({ description: 'Block and delta together, ready for the prompt.' }),
  block: z.string(),
  delta: z.string(),
  memories: z.array(recalledMemory),
  count: z.number(),
  degraded: z.array(z.string()).openapi({
    description:
      'Parts that failed or exceeded their deadline: embedding (ranked by words alone), cache (answered per query), ' +
      'delta, records, deadline. After records or deadline, the last entry names the replacement: block (the last ' +
      'block that may still be served), profile or nothing.',
  }),
  cache: cacheReport,
  took_ms: z
    .object({ total: z.number(), embed: z.number(), search: z.number(), render: z.number() })
    .openapi({ description: 'Milliseconds.' }),
  tokens: z.number().openapi({ description: 'o200k tokens of the context.' }),
})

const shiftError = 'expected a number from 0 to 1'

const route = createRoute({
  method: 'post',
  path: '/v1/recall',
  operationId: 'recall',
  summary: 'Get the context for a prompt',
  request: {
    body: s.jsonBody(
      z.strictObject({
        query: s.query,
        user_id: s.userId,
        conversation_id: s.conversationId.optional(),
        turn: s.turn.optional(),
        strategy: z
          .enum(['auto', ...STRATEGIES])
          .default('auto')
          .openapi({
            description:
              'per_query searches for every query. cached keeps one block of memories until a turn that the block ' +
              'does not include leaves the window. cached_delta adds the memories that the query needs and the block ' +
              'lacks. auto, the default, is cached_delta. All but per_query need conversation_id, turn and a ' +
              'window_size of at least 2, and fall back to per_query without them.',
          }),
        window_size: s.windowSize.optional(),
        top_k: s.topK,
        token_budget: s.integer(0, 100_000).default(1500).openapi({
          description:
            'Maximum o200k tokens of the context, 0 to 100,000; default 1500. With cached_delta, the block uses at most half of them.',
        }),
        freshness: z
          .enum(['window', 'write'])
          .optional()
          .openapi({
            description:
              'When to rebuild a cached block: window, the default: before a turn that the block does not include ' +
              'leaves the window; write: also after every change of the memories. A deletion or correction always ' +
              'rebuilds it.',
          }),
        refresh: z
          .boolean({ error: 'expected true or false' })
          .optional()
          .openapi({ description: 'Rebuilds the cached block; default false.' }),
        refresh_on_shift: z
          .number({ error: shiftError })
          .min(0, { error: shiftError })
          .max(1, { error: shiftError })
          .optional()
          .openapi({
            description:
              'Rebuilds the cached block when the cosine similarity of this query and the query that the block was ' +
              'built for is below this value, 0 to 1; absent: never.',
          }),
        experiment: s.identifier('Experiment that selects the strategy.', 'cached-or-not').optional(),
        filters: s.filters.optional(),
        agent_id: s.agentId.optional(),
        run_id: s.runId.optional(),
        app_id: s.appId.optional(),
      }),
    ),
  },
  responses: s.responses(
    'Context for the prompt. With no matching memory, status is "empty" and context is "".',
    responseBody,
  ),
})

export function recallRoutes({ strategies }: { strategies: Strategies }) {
  return router().openapi(route, async (c) => {
    const body = c.req.valid('json')
    if (body.experiment !== undefined) {
      throw new AppError('not_found', `experiment: no experiment ${JSON.stringify(body.experiment)}`)
    }
    const scope = { namespace: c.get('namespace'), userId: body.user_id }
    const result = await strategies.recall(scope, {
      query: body.query,
      strategy: body.strategy,
      topK: body.top_k,
      tokenBudget: body.token_budget,
      freshness: body.freshness,
      refresh: body.refresh,
      refreshOnShift: body.refresh_on_shift,
      filter: body.filters && compileFilter(body.filters),
      filters: body.filters,
      conversationId: body.conversation_id,
      turn: body.turn,
      windowSize: body.window_size,
      agentId: body.agent_id,
      runId: body.run_id,
      appId: body.app_id,
    })
    return c.json(toResponse(result, body.user_id), 200)
  })
}

function toResponse(result: StrategyResult, userId: string): z.output<typeof responseBody> {
  const { strategy, context, block, delta, degraded, cache, tokens, memories, tookMs } = result
  return {
    status: degraded.length > 0 ? 'degraded' : memories.length > 0 ? 'ok' : 'empty',
    strategy,
    engine: 'snapshot',
    context,
    block,
    delta,
    memories: memories.map(({ memory, score }) => {
      const { user_id, sources, created_at, updated_at, ...view } = toView(memory, userId)
      return { ...view, content: memory.text, score: roundTo(score, 6) }
    }),
    count: memories.length,
    degraded: [...degraded],
    cache,
    took_ms: {
      total: roundTo(tookMs.total),
      embed: roundTo(tookMs.embed),
      search: roundTo(tookMs.search),
      render: roundTo(tookMs.render),
    },
    tokens,
  }
}

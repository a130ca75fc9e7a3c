import { createRoute, z } from '@hono/zod-openapi'
import type { TypedResponse } from 'hono'
import { AppError } from '../errors.ts'
import { compileFilter } from '../memory/filters.ts'
import { toView } from '../memory/memory.ts'
import type { StrategyResult } from '../recall/strategies/request.ts'
import type { Strategies } from '../recall/strategies/strategies.ts'
import { rounded } from './number.ts'
import { router } from './router.ts'
import * as s from './schemas.ts'

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

/** What the cache did, and why. */
export const servedFrom = z.object({
  result: z.enum(['hit', 'miss', 'none']),
  reason: z.enum(REASONS),
  age_turns: z.number().nullable(),
  serves_until_turn: z.number().nullable(),
  block_hash: z.string().nullable(),
})

const recalled = s.memoryView
  .omit({ user_id: true, sources: true, created_at: true, updated_at: true })
  .extend({ content: z.string(), score: z.number() })

const answer = z.object({
  status: z.enum(['ok', 'empty', 'degraded']),
  strategy: z.enum(STRATEGIES),
  engine: z.enum(['snapshot']),
  context: z.string(),
  block: z.string(),
  delta: z.string(),
  memories: z.array(recalled),
  count: z.number(),
  degraded: z.array(z.string()).openapi({
    description:
      'What was late or broken and done without: embedding (ranked by words alone), cache (answered per query), ' +
      'delta, records, deadline. After the last two, what stands in: block (the last that may still be served), ' +
      'profile, nothing.',
  }),
  cache: servedFrom,
  took_ms: z.object({ total: z.number(), embed: z.number(), search: z.number(), render: z.number() }),
  tokens: z.number(),
})

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
        strategy: z
          .enum(['auto', ...STRATEGIES])
          .default('auto')
          .openapi({
            description:
              'auto is cached_delta where conversation_id, turn and a window_size of at least 2 are given, else per_query. ' +
              'per_query searches for every query. cached keeps one block of memories as long as the window hides ' +
              'nothing from it. cached_delta adds to the block what the query needs and the block lacks. The last two ' +
              'need the same as auto does; without it they are per_query.',
          }),
        window_size: s.windowSize.optional(),
        top_k: s.topK.default(10),
        token_budget: s.wholeNumber(0, 100_000).default(1500).openapi({
          description:
            'Most tokens (o200k) of the context. Under cached_delta the block takes at most half of them.',
        }),
        freshness: z
          .enum(['window', 'write'])
          .optional()
          .openapi({
            description:
              'Whether a cached block is renewed only when the window asks for it (window, the default) or with every ' +
              'change of the memories (write). A removal or correction always renews it.',
          }),
        refresh: z
          .boolean({ error: 'expected true or false' })
          .optional()
          .openapi({ description: 'Renews the cached block in any case.' }),
        refresh_on_shift: z
          .number({ error: 'expected a number from 0 to 1' })
          .min(0, { error: 'expected a number from 0 to 1' })
          .max(1, { error: 'expected a number from 0 to 1' })
          .optional()
          .openapi({
            description:
              'Renews the cached block when the cosine of the query and the one that it was built for is below this.',
          }),
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
    answer,
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
    const text = toAnswer(result, body.user_id)
    // What `c.json` would answer, written already.
    return c.body(text, 200, JSON_TYPE) as unknown as TypedResponse<z.output<typeof answer>, 200, 'json'>
  })
}

const JSON_TYPE = { 'content-type': 'application/json' }

interface Written {
  userId: string
  memories: string
  block: { text: string; json: string }
}

/** JSON of what is the same as long as a block is served, by the list of its memories, which is the same as well. */
const written = new WeakMap<StrategyResult['memories'], Written>()

function writtenOf({ memories, block }: StrategyResult, userId: string): Written {
  const known = written.get(memories)
  if (known?.userId === userId && known.block.text === block) return known
  const views = memories.map(({ memory, score }) => {
    const { user_id, sources, created_at, updated_at, ...shown } = toView(memory, userId)
    return { ...shown, content: memory.text, score: rounded(score, 6) } satisfies z.output<typeof recalled>
  })
  const one = { userId, memories: JSON.stringify(views), block: { text: block, json: JSON.stringify(block) } }
  written.set(memories, one)
  return one
}

/** As text: most of it is written already. */
function toAnswer(result: StrategyResult, userId: string): string {
  const { strategy, context, block, delta, degraded, cache, tokens, memories } = result
  const status = memories.length > 0 ? ('ok' as const) : ('empty' as const)
  const { embed, search, render, total } = result.tookMs
  const rest: Omit<z.output<typeof answer>, 'memories' | 'context' | 'block'> = {
    status: degraded.length > 0 ? ('degraded' as const) : status,
    strategy,
    engine: 'snapshot' as const,
    ...{ delta, count: memories.length, degraded, cache, tokens },
    took_ms: {
      total: rounded(total),
      embed: rounded(embed),
      search: rounded(search),
      render: rounded(render),
    },
  }
  const once = writtenOf(result, userId)
  const contextJson = context === block ? once.block.json : JSON.stringify(context)
  return `${JSON.stringify(rest).slice(0, -1)},"context":${contextJson},"block":${once.block.json},"memories":${once.memories}}`
}

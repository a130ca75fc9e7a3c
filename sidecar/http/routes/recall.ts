import { z } from '@hono/zod-openapi'
import { CHOICE_REASONS } from '../../experiments/online/experiments.ts'
import { compileFilter } from '../../memory/model/filters.ts'
import { budgetsOf, joinParts, PARTS, readParts } from '../../retrieval/context-parts.ts'
import {
  cacheReport,
  STRATEGIES,
  type StrategyRequest,
  type StrategyResult,
} from '../../retrieval/strategies/request.ts'
import { prepareQuery } from '../../text/cleaning/query.ts'
import { parseLocalTime } from '../../text/local-time.ts'
import { recalledMemory, toRecalledView } from '../shared/memory-view.ts'
import { type Api, operation, scopeOf, signalOf } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { roundTo } from '../shared/values.ts'

export const cacheView = cacheReport.describe('Whether the block came from the cache, and why.')

/** UTF-16 code units, more than the longest name has. */
const MAX_NAME = 256

const shiftError = 'expected a number from 0 to 1'

const recallOperation = operation({
  route: 'POST /v1/recall',
  operationId: 'recall',
  summary: 'Get the context for a prompt',
  description:
    'Without a turn number, the recalls of a conversation are counted: each request is one turn, and a retry with the same Idempotency-Key the same turn.',
  headers: { 'idempotency-key': s.idempotencyKey },
  body: {
    query: s.query,
    user_id: s.userId,
    conversation_id: s.conversationId.optional(),
    turn: s.turn.optional(),
    strategy: z
      .enum(['auto', ...STRATEGIES, 'experiment'])
      .default('auto')
      .describe(
        'per_query searches for every query. cached keeps one block of memories until a turn that the block ' +
          'does not include leaves the window. cached_delta adds the memories that the query needs and the block ' +
          'lacks. auto, the default, is cached_delta. All but per_query need conversation_id and a ' +
          'window_size of at least 2, and fall back to per_query without them. experiment: the arm that the experiment ' +
          'assigns, else auto.',
      ),
    window_size: s.windowSize.optional(),
    top_k: s.topK,
    threshold: s.threshold,
    token_budget: s
      .integer(0, 100_000)
      .default(1500)
      .describe(
        'Maximum o200k tokens of the context, 0 to 100,000; default 1500. With cached_delta, the block uses at most half of them.',
      ),
    freshness: z
      .enum(['window', 'write'])
      .optional()
      .describe(
        'When to rebuild a cached block: window, the default: before a turn that the block does not include ' +
          'leaves the window; write: also after every change of the memories. A deletion or correction always ' +
          'rebuilds it.',
      ),
    refresh: z
      .boolean({ error: 'expected true or false' })
      .optional()
      .describe('Rebuilds the cached block; default false.'),
    refresh_on_shift: z
      .number({ error: shiftError })
      .min(0, { error: shiftError })
      .max(1, { error: shiftError })
      .optional()
      .describe(
        'Rebuilds the cached block when the cosine similarity of this query and the query that the block was ' +
          'built for is below this value, 0 to 1; absent: never.',
      ),
    experiment: z
      .string()
      // A name that no experiment can have is answered like an unknown one, because it must not fail a chatflow.
      .transform((name) => name.trim().normalize('NFC').slice(0, MAX_NAME).toWellFormed())
      .openapi({
        type: 'string',
        description:
          'Experiment that selects strategy and parameters. Without an arm, the strategy of the request applies.',
        example: 'cached-or-not',
      })
      .optional(),
    filters: s.filters.optional(),
    graph: s.withGraph,
    include: z
      .array(z.enum(PARTS, { error: `expected ${PARTS.join(', ')}` }))
      .min(1, { error: 'expected at least one part' })
      .optional()
      .describe(
        'Parts of the context, which share token_budget: memories 5, profile 2, relations 1.5, summary 1, entities 0.5, relative to the other included parts. Default: memories.',
      ),
    at: s.askedAt,
    ...s.labels,
  },
  returns: 'Context for the prompt. With no matching memory, status is "empty" and context is "".',
  answer: {
    status: z.enum(['ok', 'empty', 'degraded']),
    strategy: z.enum(STRATEGIES),
    turn: z
      .number()
      .nullable()
      .describe('The turn of the request, else the counted one; null without a conversation.'),
    engine: z.string().describe('The store that was searched: sqlite or qdrant.'),
    context: z.string().describe('Block and delta together, ready for the prompt.'),
    parts: z
      .partialRecord(z.enum(PARTS), z.string())
      .optional()
      .openapi({ type: 'object' })
      .describe('With include: the text of each part.'),
    block: z.string(),
    delta: z.string(),
    memories: z.array(recalledMemory.extend({ content: z.string(), score: z.number() })),
    count: z.number(),
    degraded: z
      .array(z.string())
      .describe(
        'query_clipped (the query was longer than 32,000 characters), and parts that failed or exceeded their deadline: embedding (ranked by words alone), cache (answered per query), ' +
          'delta, records, deadline. After records or deadline, the last entry names the replacement: block (the last ' +
          'block that may still be served), profile or nothing.',
      ),
    cache: cacheView,
    took_ms: z
      .object({ total: z.number(), embed: z.number(), search: z.number(), render: z.number() })
      .describe('Milliseconds.'),
    tokens: z.number().describe('o200k tokens of the context.'),
    experiment: z
      .object({ name: z.string(), arm: z.string(), reason: z.enum(CHOICE_REASONS) })
      .nullable()
      .describe(
        'null without an experiment. Every reason but assigned means that no arm applied and arm is "": unknown ' +
          '(no such experiment), draft, paused (this unit has no arm, and new ones get none), stopped, no_unit (no ' +
          'conversation_id), unavailable (the arm could not be read in time).',
      ),
  },
})

export function recallRoutes(
  api: Api,
  { records, strategies, experiments, profiles, graphs, turnCounter, now }: HttpServices,
): void {
  recallOperation.handle(api, async (body, c) => {
    const { strategy, freshness, refresh, filters, experiment, conversation_id: conversationId } = body
    const signal = signalOf(c)
    const { query, degraded: clipped } = await prepareQuery(body.query, signal)
    const scope = scopeOf(c, body.user_id)
    const parts = [...new Set(body.include ?? (['memories'] as const))]
    const call = body['idempotency-key']
    const turn =
      body.turn ??
      (conversationId === undefined ? undefined : await turnCounter.count(scope, conversationId, call))
    const request: StrategyRequest = {
      ...s.toNarrowing(body),
      query,
      strategy: strategy === 'experiment' ? 'auto' : strategy,
      topK: body.top_k,
      threshold: body.threshold,
      tokenBudget: budgetsOf(parts, body.token_budget).memories,
      freshness,
      refresh,
      refreshOnShift: body.refresh_on_shift,
      graph: body.graph,
      filter: filters && compileFilter(filters),
      filters,
      askedAt: body.at === undefined ? undefined : parseLocalTime(body.at),
      conversationId,
      turn,
      windowSize: body.window_size,
      signal,
    }
    // A node that names no experiment must not fail its chatflow.
    const name = experiment ?? (strategy === 'experiment' ? '' : undefined)
    const recalling =
      name === undefined
        ? strategies.recall(scope, request).then((result) => ({ result, experiment: null }))
        : experiments.recall(scope, request, name)
    const partsRequest = { ...request, parts, tokenBudget: body.token_budget }
    const [{ result, experiment: choice }, others] = await Promise.all([
      recalling,
      body.include &&
        readParts({ profiles, graphs, records, now, deadlineMs: strategies.deadlineMs }, scope, partsRequest),
    ])
    const texts = { ...others?.texts, memories: result.context }
    const context = others ? await joinParts(texts) : result
    const { memories, tookMs } = result
    const degraded = [...clipped, ...result.degraded, ...(others?.degraded ?? [])]
    return {
      status: degraded.length > 0 ? 'degraded' : context.context !== '' ? 'ok' : 'empty',
      strategy: result.strategy,
      turn: turn ?? null,
      engine: records.kind,
      context: context.context,
      parts: others && texts,
      block: result.block,
      delta: result.delta,
      memories: viewsOf(memories),
      count: memories.length,
      degraded,
      cache: result.cache,
      took_ms: {
        total: roundTo(tookMs.total),
        embed: roundTo(tookMs.embed),
        search: roundTo(tookMs.search),
        render: roundTo(tookMs.render),
      },
      tokens: context.tokens,
      experiment: choice,
    }
  })
}

type RecalledView = ReturnType<typeof toRecalledView> & { content: string; score: number }

/** A block is served with the same list every turn; writing its dates takes as long as the rest of such a recall. */
const known = new WeakMap<StrategyResult['memories'], RecalledView[]>()

function viewsOf(memories: StrategyResult['memories']): RecalledView[] {
  const views =
    known.get(memories) ??
    memories.map(({ memory, score }) => ({
      ...toRecalledView(memory),
      content: memory.text,
      score: roundTo(score, 6),
    }))
  known.set(memories, views)
  return views
}

import { createRoute, z } from '@hono/zod-openapi'
import { compileFilter } from '../../../memory/model/filters.ts'
import { toView } from '../../../memory/model/memory.ts'
import type { Recall } from '../../../retrieval/recall.ts'
import { router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'
import { roundTo } from '../../validation/values.ts'

const search = createRoute({
  method: 'post',
  path: '/v1/memories/search',
  operationId: 'search_memories',
  summary: 'Search the memories of a user',
  request: {
    body: s.jsonBody(
      z.strictObject({
        ...s.memorySelection,
        query: s.query,
        top_k: s.topK,
        threshold: z
          .number()
          .optional()
          .openapi({ description: 'Minimum score of a result; default: none.', example: 0.2 }),
        filters: s.filters.optional(),
        explain: z
          .boolean()
          .default(false)
          .openapi({ description: 'Whether to return the parts of each score; default false.' }),
        why_not: z
          .array(z.string().max(100))
          .max(20, { error: 'expected at most 20 ids' })
          .optional()
          .openapi({
            description: 'Ids of at most 20 memories; the response says why each is not in the results.',
          }),
        as_of: s.time('Searches the memories that were valid at this time; default: now.').optional(),
      }),
    ),
  },
  responses: s.responses(
    'Results, best match first.',
    z.object({
      memories: z.array(
        s.memoryView.extend({
          score: z.number(),
          parts: z.record(z.string(), z.number()).optional().openapi({ type: 'object' }),
        }),
      ),
      why_not: z
        .record(z.string(), z.object({ gate: z.string(), detail: z.string() }))
        .optional()
        .openapi({ type: 'object' }),
      degraded: z.array(z.string()),
      took_ms: z.number(),
    }),
  ),
})

export function searchRoutes({ recall }: { recall: Recall }) {
  return router().openapi(search, async (c) => {
    const body = c.req.valid('json')
    const { found, whyNot, degraded, tookMs } = await recall.search(
      { namespace: c.get('namespace'), userId: body.user_id },
      {
        query: body.query,
        topK: body.top_k,
        threshold: body.threshold,
        filter: body.filters && compileFilter(body.filters),
        explain: body.explain,
        whyNot: body.why_not,
        asOf: body.as_of === undefined ? undefined : Date.parse(body.as_of),
        agentId: body.agent_id,
        runId: body.run_id,
        appId: body.app_id,
        conversationId: body.conversation_id,
      },
    )
    const memories = found.map(({ memory, score, parts, validUntil }) => ({
      ...toView(memory, body.user_id, validUntil),
      score: roundTo(score, 6),
      ...(body.explain && parts ? { parts } : {}),
    }))
    return c.json(
      { memories, ...(whyNot ? { why_not: whyNot } : {}), degraded, took_ms: roundTo(tookMs.total) },
      200,
    )
  })
}

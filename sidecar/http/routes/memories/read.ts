import { createRoute, z } from '@hono/zod-openapi'
import type { MemoryEngine } from '../../../memory/engine/engine.ts'
import { compileFilter } from '../../../memory/model/filters.ts'
import { toView } from '../../../memory/model/memory.ts'
import { router } from '../../validation/router.ts'
import * as s from '../../validation/schemas.ts'
import { decodeCursor, encodeCursor, omitUndefined, toIso } from '../../validation/values.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/memories',
  operationId: 'list_memories',
  summary: 'List the memories of a user',
  request: {
    query: z.strictObject({
      ...s.memorySelection,
      limit: s.queryLimit(500, 50),
      cursor: s.cursor,
      order: z
        .enum(['newest', 'oldest'])
        .optional()
        .openapi({ description: 'Which memories to list first; default newest.' }),
      as_of: s.time('Lists the memories that were valid at this time; default: now.').optional(),
    }),
  },
  responses: s.responses(
    'A page of memories.',
    z.object({ memories: z.array(s.memoryView), next_cursor: s.nextCursor }),
  ),
})

const get = createRoute({
  method: 'get',
  path: '/v1/memories/{id}',
  operationId: 'get_memory',
  summary: 'Get a memory',
  request: { params: s.memoryId, query: z.strictObject({ user_id: s.userId }) },
  responses: s.responses('The memory.', s.memoryView),
})

const history = createRoute({
  method: 'get',
  path: '/v1/memories/{id}/history',
  operationId: 'memory_history',
  summary: 'List the changes of a memory',
  request: { params: s.memoryId, query: z.strictObject({ user_id: s.userId }) },
  responses: s.responses(
    'The changes, oldest first; also for a deleted memory.',
    z.object({
      memory_id: z.string(),
      history: z.array(
        z.object({
          event: z.enum(['ADD', 'UPDATE', 'DELETE', 'RESTORE']),
          at: z.string(),
          version: z.number(),
          before: z.string().nullable(),
          after: z.string().nullable(),
          actor: z.enum(['verbatim', 'extraction', 'api', 'import']),
          reason: z.string().nullable(),
          turn_id: z.string().nullable(),
          conversation_id: z.string().nullable(),
          turn: z.number().nullable(),
          model: z.string().nullable(),
          prompt_version: z.string().nullable(),
        }),
      ),
    }),
  ),
})

export function readRoutes({ engine, now }: { engine: MemoryEngine; now: () => number }) {
  return router()
    .openapi(list, async (c) => {
      const { user_id, limit, cursor, order, as_of, ...rest } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const after = cursor === undefined ? undefined : decodeCursor(cursor)
      const direction = order === 'oldest' ? ('ascending' as const) : ('descending' as const)
      const matches = compileFilter(omitUndefined(rest))
      if (as_of !== undefined) {
        const page = await engine.listAsOf(scope, Date.parse(as_of), {
          limit,
          after,
          direction,
          accept: matches,
        })
        const memories = page.memories.map(({ memory, validUntil }) => toView(memory, user_id, validUntil))
        return c.json({ memories, next_cursor: page.next && encodeCursor(page.next) }, 200)
      }
      const time = now()
      const { memories, next } = await engine.list(scope, {
        limit,
        after,
        direction,
        accept: (memory) => (memory.expires_at === null || memory.expires_at > time) && matches(memory),
      })
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
      const scope = { namespace: c.get('namespace'), userId: user_id }
      return c.json(toView(await engine.get(scope, c.req.valid('param').id), user_id), 200)
    })
    .openapi(history, async (c) => {
      const { id } = c.req.valid('param')
      const scope = { namespace: c.get('namespace'), userId: c.req.valid('query').user_id }
      const rows = await engine.history(scope, id)
      return c.json(
        {
          memory_id: id,
          history: rows.map(({ memory_id, at, ...row }) => ({ ...row, at: toIso(at) })),
        },
        200,
      )
    })
}

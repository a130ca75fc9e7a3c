import { createRoute, z } from '@hono/zod-openapi'
import type { MemoryEngine } from '../../memory/engine.ts'
import { compileFilter } from '../../memory/filters.ts'
import { toView } from '../../memory/memory.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { router } from '../router.ts'
import * as s from '../schemas.ts'
import { defined, memoryId, narrowing, time } from './shared.ts'

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
      as_of: time('What held at this moment; now, if absent.').optional(),
    }),
  },
  responses: s.answers(
    'A page.',
    z.object({ memories: z.array(s.memoryView), next_cursor: z.string().nullable() }),
  ),
})

const get = createRoute({
  method: 'get',
  path: '/v1/memories/{id}',
  operationId: 'get_memory',
  summary: 'Read one memory',
  request: { params: memoryId, query: z.strictObject({ user_id: s.userId }) },
  responses: s.answers('The memory.', s.memoryView),
})

const history = createRoute({
  method: 'get',
  path: '/v1/memories/{id}/history',
  operationId: 'memory_history',
  summary: 'Every change of a memory, oldest first',
  request: { params: memoryId, query: z.strictObject({ user_id: s.userId }) },
  responses: s.answers(
    'The changes; also of a memory that has been deleted.',
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
      const { user_id, limit = 50, cursor, order, as_of, ...rest } = c.req.valid('query')
      const scope = { namespace: c.get('namespace'), userId: user_id }
      const after = cursor === undefined ? undefined : decodeCursor(cursor)
      const direction = order === 'oldest' ? ('ascending' as const) : ('descending' as const)
      const matches = compileFilter(defined(rest))
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
      const moment = now()
      const { memories, next } = await engine.list(scope, {
        limit,
        after,
        direction,
        accept: (memory) => (memory.expires_at === null || memory.expires_at > moment) && matches(memory),
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
          history: rows.map(({ memory_id, at, ...row }) => ({ ...row, at: new Date(at).toISOString() })),
        },
        200,
      )
    })
}

import { z } from '@hono/zod-openapi'
import { compileFilter } from '../../../memory/model/filters.ts'
import type { Memory } from '../../../memory/model/memory.ts'
import type { Position } from '../../../ports/records.ts'
import { prepareQuery } from '../../../text/cleaning/query.ts'
import { parseLocalTime } from '../../../text/local-time.ts'
import { memoryView, toView } from '../../shared/memory-view.ts'
import { type Api, operation, scopeOf, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { runChunk, streamed } from '../../shared/stream.ts'
import { decodeCursor, encodeCursor, omitUndefined, roundTo, toIso } from '../../shared/values.ts'

/** Memories per chunk of a long list. */
const LIST_CHUNK = 50

type List = (
  after: Position | undefined,
  limit: number,
) => Promise<{ views: object[]; next: Position | null }>

/** The answer for a long list as JSON, read from the store chunk by chunk. */
async function* listChunks(list: List, start: Position | undefined, limit: number): AsyncGenerator<string> {
  let after = start
  let next: Position | null = null
  let text = '{"memories":['
  let left = limit
  for (;;) {
    const size = Math.min(left, LIST_CHUNK)
    const page = await list(after, size)
    next = page.next
    for (const view of page.views) {
      text += `${left === limit ? '' : ','}${JSON.stringify(view)}`
      left -= 1
    }
    // A short page ends here, to limit the time of the scan.
    if (left === 0 || next === null || page.views.length < size) break
    after = next
    yield text
    text = ''
  }
  yield `${text}],"next_cursor":${JSON.stringify(next && encodeCursor(next))}}`
}

const listMemoriesOperation = operation({
  route: 'GET /v1/memories',
  operationId: 'list_memories',
  summary: 'List the memories of a user',
  query: {
    ...s.memorySelection,
    limit: s.queryLimit(500, 50),
    cursor: s.cursor,
    order: z.enum(['newest', 'oldest']).optional().describe('Which memories to list first; default newest.'),
    as_of: s.time('Lists the memories that were valid at this time; default: now.').optional(),
  },
  returns: 'A page of memories.',
  answer: { memories: z.array(memoryView), next_cursor: s.nextCursor },
})

const getMemoryOperation = operation({
  route: 'GET /v1/memories/{id}',
  operationId: 'get_memory',
  summary: 'Get a memory',
  params: { id: s.memoryId },
  query: { user_id: s.userId },
  returns: 'The memory.',
  answer: memoryView.shape,
})

const memoryHistoryOperation = operation({
  route: 'GET /v1/memories/{id}/history',
  operationId: 'memory_history',
  summary: 'List the changes of a memory',
  params: { id: s.memoryId },
  query: { user_id: s.userId },
  returns: 'The changes, oldest first; also for a deleted memory.',
  answer: {
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
  },
})

const searchMemoriesOperation = operation({
  route: 'POST /v1/memories/search',
  operationId: 'search_memories',
  summary: 'Search the memories of a user',
  body: {
    ...s.memorySelection,
    query: s.query,
    top_k: s.topK,
    threshold: s.threshold,
    filters: s.filters.optional(),
    explain: z.boolean().default(false).describe('Whether to return the parts of each score; default false.'),
    graph: s.withGraph,
    why_not: z
      .array(z.string().max(100))
      .max(20, { error: 'expected at most 20 ids' })
      .optional()
      .describe('Ids of at most 20 memories; the response says why each is not in the results.'),
    as_of: s.time('Searches the memories that were valid at this time; default: now.').optional(),
    at: s.askedAt,
  },
  returns: 'Results, best match first.',
  answer: {
    memories: z.array(
      memoryView.extend({
        score: z.number(),
        parts: z.record(z.string(), z.number()).optional().openapi({ type: 'object' }),
      }),
    ),
    why_not: z
      .record(z.string(), z.object({ gate: z.string(), detail: z.string() }))
      .optional()
      .openapi({ type: 'object' }),
    relations: z
      .array(
        z.object({
          subject: z.string(),
          label: z.string(),
          object: z.string(),
          memory_ids: z.array(z.string()),
        }),
      )
      .optional()
      .describe('With explain and graph: the relations that brought memories to the ranking.'),
    degraded: z.array(z.string()),
    took_ms: z.number(),
  },
})

export function readRoutes(api: Api, { engine, recall, now }: HttpServices): void {
  listMemoriesOperation.handle(api, async ({ user_id, limit, cursor, order, as_of, ...selection }, c) => {
    const scope = scopeOf(c, user_id)
    const after = cursor === undefined ? undefined : decodeCursor(cursor)
    const direction = order === 'oldest' ? 'ascending' : 'descending'
    const { accepts: matches } = compileFilter(omitUndefined(selection))
    const signal = signalOf(c)
    const page = { after, direction, signal } as const
    if (as_of !== undefined) {
      const { memories, next } = await runChunk(
        () => engine.listAsOf(scope, Date.parse(as_of), { ...page, limit, accept: matches }),
        signal,
      )
      const views = memories.map(({ memory, validUntil }) => toView(memory, user_id, validUntil))
      return { memories: views, next_cursor: next && encodeCursor(next) }
    }
    const time = now()
    const accept = (memory: Memory) =>
      (memory.expires_at === null || memory.expires_at > time) && matches(memory)
    const list = async (after: Position | undefined, limit: number) => {
      const { memories, next } = await engine.list(scope, { ...page, after, limit, accept })
      return { views: memories.map((memory) => toView(memory, user_id)), next }
    }
    if (limit > LIST_CHUNK) {
      c.header('content-type', 'application/json')
      return c.body(await streamed(listChunks(list, after, limit), signal))
    }
    const { views, next } = await list(after, limit)
    return { memories: views, next_cursor: next && encodeCursor(next) }
  })

  getMemoryOperation.handle(api, async ({ id, user_id }, c) =>
    toView(await engine.get(scopeOf(c, user_id), id), user_id),
  )

  memoryHistoryOperation.handle(api, async ({ id, user_id }, c) => {
    const rows = await engine.history(scopeOf(c, user_id), id)
    return {
      memory_id: id,
      history: rows.map(({ memory_id, at, ...row }) => ({ ...row, at: toIso(at) })),
    }
  })

  searchMemoriesOperation.handle(api, async ({ user_id, threshold, filters, explain, ...body }, c) => {
    const signal = signalOf(c)
    const { query, degraded: clipped } = await prepareQuery(body.query, signal)
    const { found, whyNot, relations, degraded, tookMs } = await recall.search(scopeOf(c, user_id), {
      ...s.toNarrowing(body),
      conversationId: body.conversation_id,
      query,
      topK: body.top_k,
      threshold,
      filter: filters && compileFilter(filters),
      explain,
      graph: body.graph,
      whyNot: body.why_not,
      asOf: body.as_of === undefined ? undefined : Date.parse(body.as_of),
      askedAt: body.at === undefined ? undefined : parseLocalTime(body.at),
      signal,
    })
    return {
      memories: found.map(({ memory, score, parts, validUntil }) => ({
        ...toView(memory, user_id, validUntil),
        score: roundTo(score, 6),
        parts: explain ? parts : undefined,
      })),
      why_not: whyNot,
      relations: explain ? relations : undefined,
      degraded: [...clipped, ...degraded],
      took_ms: roundTo(tookMs.total),
    }
  })
}

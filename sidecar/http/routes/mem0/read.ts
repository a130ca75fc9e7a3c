import { z } from '@hono/zod-openapi'
import type { Filter } from '../../../memory/model/filters.ts'
import type { Memory } from '../../../memory/model/memory.ts'
import type { Scope } from '../../../memory/model/scope.ts'
import { invalid } from '../../../ports/errors.ts'
import type { Position } from '../../../ports/records.ts'
import { prepareQuery } from '../../../text/cleaning/query.ts'
import { parseLocalTime } from '../../../text/local-time.ts'
import { type Api, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { runChunk } from '../../shared/stream.ts'
import { roundTo } from '../../shared/values.ts'
import { DEFAULT_PAGE_SIZE, date, ignoredOfReads, pageFields, timestamp } from './fields.ts'
import { readFilters } from './filters.ts'
import { type EntityIds, entityFields, scopeOfUser } from './owner.ts'
import { toPage } from './pages.ts'
import { mem0Route } from './route.ts'
import { toMem0 } from './view.ts'

/** Memories per read of a list, and reads per list: beyond them, `count` is a lower bound. */
const CHUNK = 200
const MAX_CHUNKS = 50
const MAX_LISTED = CHUNK * MAX_CHUNKS

const names = z.array(z.string().max(256)).max(64).optional()

const selection = {
  ...entityFields,
  filters: s.filters.optional(),
  categories: names,
  ...ignoredOfReads,
}

const searchBody = {
  ...selection,
  query: s.query,
  top_k: s.topK,
  threshold: s.threshold,
  metadata: s.filters.optional(),
  fields: names,
  reference_date: z
    .union([date, timestamp], { error: 'expected YYYY-MM-DD or seconds since 1970' })
    .optional(),
  output_format: z.string().optional(),
  show_expired: z.literal(false, { error: 'expected false (expired memories are not searched)' }).optional(),
}

const listBody = {
  ...selection,
  show_expired: z.boolean().optional(),
  start_date: z.string().max(64).optional(),
  end_date: z.string().max(64).optional(),
}

interface ListOptions {
  page?: number | undefined
  page_size?: number | undefined
  show_expired?: boolean | undefined
}

const searchMemoriesRoute = mem0Route(
  ['POST /v3/memories/search/', 'POST /v2/memories/search/', 'POST /v1/memories/search/'],
  { body: searchBody },
)

const listMemoriesRoute = mem0Route(['POST /v3/memories/', 'POST /v2/memories/'], {
  query: pageFields,
  body: listBody,
})

const listMemoriesV1Route = mem0Route(['GET /v1/memories/'], {
  query: { ...entityFields, ...pageFields, ...ignoredOfReads },
})

export function readMem0Routes(api: Api, { engine, recall, now }: HttpServices): void {
  searchMemoriesRoute.handle(api, async (body, c) => {
    const { metadata, categories, fields, reference_date, output_format } = body
    const { userId, filter } = select(body, [metadata && { metadata }, inCategories(categories)])
    const signal = signalOf(c)
    const { query } = await prepareQuery(body.query, signal)
    const { found } = await recall.search(scopeOfUser(c, userId), {
      query,
      topK: body.top_k,
      threshold: body.threshold,
      filter,
      askedAt: reference_date === undefined ? undefined : toAskedAt(reference_date),
      signal,
    })
    const results = found.map(({ memory, score }) =>
      pick({ ...toMem0(memory, userId), score: roundTo(score, 6) }, fields),
    )
    return c.req.path.startsWith('/mem0/v3/') || output_format === 'v1.1' ? { results } : results
  })

  const list = async (
    scope: Scope,
    { accepts }: Filter,
    { page = 1, page_size = DEFAULT_PAGE_SIZE, show_expired = false }: ListOptions,
    signal: AbortSignal,
  ) => {
    const time = now()
    const accept = (memory: Memory) =>
      (show_expired || memory.expires_at === null || memory.expires_at > time) && accepts(memory)
    const start = (page - 1) * page_size
    if (start >= MAX_LISTED) throw invalid('page', `a page of the first ${MAX_LISTED} memories`, page)
    const memories: Memory[] = []
    let count = 0
    let after: Position | undefined
    for (let i = 0; i < MAX_CHUNKS; i++) {
      const options = { limit: CHUNK, direction: 'descending', after, accept, signal } as const
      const chunk = await runChunk(() => engine.list(scope, options), signal)
      memories.push(
        ...chunk.memories.slice(Math.max(0, start - count), Math.max(0, start + page_size - count)),
      )
      count += chunk.memories.length
      if (chunk.next === null) break
      after = chunk.next
    }
    return { page, pageSize: page_size, count, results: memories.map((one) => toMem0(one, scope.userId)) }
  }

  listMemoriesRoute.handle(api, async (body, c) => {
    const { start_date, end_date, categories } = body
    const { userId, filter } = select(body, [
      start_date !== undefined && { created_at: { gte: start_date } },
      end_date !== undefined && { created_at: { lte: endOf(end_date) } },
      inCategories(categories),
    ])
    const found = await list(scopeOfUser(c, userId), filter, body, signalOf(c))
    const isPaged = c.req.path.startsWith('/mem0/v3/') || body.page !== undefined
    return isPaged ? toPage(c, found) : found.results
  })

  listMemoriesV1Route.handle(api, async (query, c) => {
    const { userId, filter } = select(query, [])
    const found = await list(scopeOfUser(c, userId), filter, query, signalOf(c))
    return query.page === undefined ? found.results : toPage(c, found)
  })
}

/** @param more conditions beside the filters of the request; without effect unless objects */
function select(
  body: EntityIds & { filters?: Record<string, unknown> | undefined },
  more: readonly (object | false | undefined)[],
) {
  const { user_id, agent_id, run_id, app_id, filters } = body
  const others = more.filter((one) => typeof one === 'object')
  const all = others.length > 0 ? { AND: [filters ?? {}, ...others] } : filters
  return readFilters(all, { user_id, agent_id, run_id, app_id })
}

function inCategories(categories: readonly string[] | undefined) {
  return categories && { categories: { in: categories } }
}

/** A day without a time counts whole. */
function endOf(day: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(day) ? `${day}T23:59:59.999Z` : day
}

function toAskedAt(given: string | number) {
  return typeof given === 'number' ? { at: given * 1000 } : parseLocalTime(given)
}

/** The id and the named fields; all without names. */
function pick<T extends object>(view: T, fields: readonly string[] | undefined): Partial<T> {
  if (fields === undefined || fields.length === 0) return view
  return Object.fromEntries(
    Object.entries(view).filter(([name]) => name === 'id' || fields.includes(name)),
  ) as Partial<T>
}

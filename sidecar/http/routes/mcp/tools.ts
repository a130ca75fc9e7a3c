import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'
import { firstSaidAt, type Memory } from '../../../memory/model/memory.ts'
import type { Scope } from '../../../memory/model/scope.ts'
import { prepareQuery } from '../../../text/cleaning/query.ts'
import { toLocalIso } from '../../../text/local-time.ts'
import type { HttpServices } from '../../shared/services.ts'
import { decodeCursor, encodeCursor, roundTo } from '../../shared/values.ts'

export type ToolResult = CallToolResult

/** Runs a tool and turns what it throws into a result. */
type Guard = (run: () => Promise<ToolResult>) => Promise<ToolResult>

const MAX_TEXT = 20_000

const query = z.string().trim().min(1).describe('What to look for, in the words of the user.')
const memoryView = z.object({
  id: z.string(),
  memory: z.string(),
  said_at: z.string().describe('When it was said, ISO 8601.'),
})
const user_id = z.string().describe('Whose memory this is; set by the connection.')
const degraded = z.array(z.string()).describe('Parts of the search that failed or were late.')

/**
 * Registers the tools of an assistant. None of them takes a user: the scope is that of the connection, so that the model
 * cannot read or change the memory of another user.
 */
export function registerTools(
  server: McpServer,
  { engine, recall, strategies, intake, traffic, quotas, now }: HttpServices,
  { scope, signal }: { scope: Scope; signal: AbortSignal },
  guard: Guard,
): void {
  const owner = { user_id: scope.userId }

  server.registerTool(
    'recall',
    {
      title: 'Recall context',
      description:
        'Returns what is remembered about a subject as text for the prompt, within a token budget.',
      inputSchema: {
        query,
        max_tokens: z.int().min(1).max(20_000).default(1500).describe('Maximum tokens of the context.'),
      },
      outputSchema: {
        context: z.string().describe('Empty when nothing is remembered about the subject.'),
        count: z.int().describe('Number of memories in the context.'),
        degraded,
        user_id,
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query, max_tokens }) =>
      guard(async () => {
        const prepared = await prepareQuery(query, signal)
        const { context, memories, degraded } = await strategies.recall(scope, {
          query: prepared.query,
          strategy: 'per_query',
          topK: 20,
          tokenBudget: max_tokens,
          signal,
        })
        const text = context || 'Nothing is remembered about this.'
        const missing = [...prepared.degraded, ...degraded]
        return toResult({ context, count: memories.length, degraded: missing, ...owner }, text)
      }),
  )

  server.registerTool(
    'search_memories',
    {
      title: 'Search memories',
      description: 'Finds single memories with their ids, best match first.',
      inputSchema: {
        query,
        limit: z.int().min(1).max(50).default(10).describe('Maximum number of memories.'),
      },
      outputSchema: {
        memories: z.array(memoryView.extend({ score: z.number().describe('Relevance, 0 to 1.') })),
        degraded,
        user_id,
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query, limit }) =>
      guard(async () => {
        const prepared = await prepareQuery(query, signal)
        const { found, degraded } = await recall.search(scope, {
          query: prepared.query,
          topK: limit,
          signal,
        })
        const memories = found.map(({ memory, score }) => ({ ...toView(memory), score: roundTo(score) }))
        return toResult({ memories, degraded: [...prepared.degraded, ...degraded], ...owner })
      }),
  )

  server.registerTool(
    'remember',
    {
      title: 'Remember',
      description: 'Stores something that the user said about themselves, their work or their wishes.',
      inputSchema: {
        text: z.string().trim().min(1).max(MAX_TEXT).describe('A statement that makes sense on its own.'),
      },
      outputSchema: {
        status: z
          .enum(['stored', 'pending', 'unchanged'])
          .describe(
            'pending: stored, and facts are extracted later. unchanged: it is known, or holds nothing to remember.',
          ),
        memories: z.array(memoryView.pick({ id: true, memory: true })),
        user_id,
      },
      annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
    },
    ({ text }) =>
      guard(async () => {
        const { exceeded } = await quotas.check(scope, 1)
        if (exceeded) throw exceeded
        const messages = [{ role: 'user' as const, content: text }]
        const { status, events } = await intake.add(scope, { messages }, undefined)
        traffic.turn(scope.namespace)
        const changes = events.filter(({ event }) => event !== 'NOOP')
        const memories = changes.map(({ id, memory }) => ({ id, memory }))
        const isUnchanged = status === 'stored' && changes.length === 0
        return toResult({
          status: status === 'buffered' ? 'pending' : isUnchanged ? 'unchanged' : 'stored',
          memories,
          ...owner,
        })
      }),
  )

  server.registerTool(
    'list_memories',
    {
      title: 'List memories',
      description: 'Lists the memories with their ids, latest first, page by page.',
      inputSchema: {
        limit: z.int().min(1).max(100).default(20).describe('Maximum number of memories.'),
        cursor: z.string().max(500).optional().describe('next_cursor of the page before.'),
      },
      outputSchema: {
        memories: z.array(memoryView),
        next_cursor: z.string().nullable().describe('null on the last page.'),
        user_id,
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ limit, cursor }) =>
      guard(async () => {
        const time = now()
        const { memories, next } = await engine.list(scope, {
          limit,
          after: cursor === undefined ? undefined : decodeCursor(cursor),
          direction: 'descending',
          signal,
          accept: ({ expires_at }) => expires_at === null || expires_at > time,
        })
        const views = memories.map(toView)
        return toResult({ memories: views, next_cursor: next && encodeCursor(next), ...owner })
      }),
  )

  server.registerTool(
    'forget_memory',
    {
      title: 'Forget one memory',
      description:
        'Deletes one memory, so that it is not recalled any more. Ask the user first. Its id is in a search or a list.',
      inputSchema: { id: z.string().min(1).max(100).describe('Id of the memory.') },
      outputSchema: { status: z.literal('forgotten'), memory: memoryView, user_id },
      annotations: {
        readOnlyHint: false,
        destructiveHint: true,
        idempotentHint: false,
        openWorldHint: false,
      },
    },
    ({ id }) =>
      guard(async () => {
        const removed = await engine.remove(scope, id, 'the assistant was asked to forget it')
        return toResult({ status: 'forgotten', memory: toView(removed), ...owner })
      }),
  )
}

function toView(memory: Memory): z.infer<typeof memoryView> {
  return { id: memory.id, memory: memory.text, said_at: toLocalIso(firstSaidAt(memory)) }
}

/** @param text for clients that show no structured content; default: the same as JSON */
function toResult(content: Record<string, unknown>, text = JSON.stringify(content)): ToolResult {
  return { content: [{ type: 'text', text }], structuredContent: content }
}

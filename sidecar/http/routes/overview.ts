import { z } from '@hono/zod-openapi'
import { sumOfStored } from '../../learning/buffer/pending-totals.ts'
import type { PendingTurn } from '../../memory/model/pending.ts'
import { scopeKey } from '../../memory/model/scope.ts'
import { pendingScopes, scrollPending } from '../../memory/repositories/pending.ts'
import type { RecordStore } from '../../ports/records.ts'
import { STRATEGIES } from '../../retrieval/strategies/request.ts'
import { type Api, operation } from '../shared/operation.ts'
import * as s from '../shared/schemas.ts'
import type { HttpServices } from '../shared/services.ts'
import { listUsers } from '../shared/users.ts'
import { decodeCursor, encodeCursor, toIso } from '../shared/values.ts'

const rate = z.number().nullable().describe('0 to 1; null where no recall could use a cached block.')
const milliseconds = z.number().nullable()

const getOverviewOperation = operation({
  route: 'GET /v1/overview',
  operationId: 'get_overview',
  summary: 'Get the recalls of the last hour and the pending turns of this namespace',
  description:
    'Recalls and added turns are counted by each sidecar since its start, at most the latest 5,000 of each.',
  returns: 'The overview.',
  answer: {
    namespace: z.string(),
    has_users: z.boolean().describe('Whether any user of the namespace has memories.'),
    traffic: z.object({
      window_s: z.number().describe('Seconds that the numbers cover, at most an hour.'),
      recalls: z.number(),
      turns: z.number().describe('Added turns.'),
      degraded: z.number().describe('Recalls in which a part failed or was late.'),
      hit_rate: rate,
      cache: z
        .record(z.string(), z.number())
        .openapi({ type: 'object', description: 'Number of recalls by cache result and reason.' }),
      strategies: z.array(
        z.object({
          strategy: z.enum(STRATEGIES),
          recalls: z.number(),
          p50_ms: z.number(),
          p95_ms: z.number(),
          tokens: z.number().describe('Mean injected o200k tokens.'),
          hit_rate: rate,
        }),
      ),
      minutes: z
        .array(
          z.object({
            minutes_ago: z.number(),
            recalls: z.number(),
            p50_ms: milliseconds,
            p95_ms: milliseconds,
          }),
        )
        .describe('Latest minute first.'),
    }),
    pending: z.object({
      turns: z.number(),
      failed: z.number(),
      tokens: z.number(),
      oldest_at: z.string().nullable(),
    }),
  },
})

const listUsersOperation = operation({
  route: 'GET /v1/users',
  operationId: 'list_users',
  summary: 'List the users that have memories',
  query: {
    prefix: z.string().max(256).optional().describe('Only users whose id starts with this text.'),
    limit: s.queryLimit(500, 50),
    cursor: s.cursor,
  },
  returns: 'A page of users, sorted by id.',
  answer: { users: z.array(z.object({ user_id: z.string() })), next_cursor: s.nextCursor },
})

export function overviewRoutes(api: Api, { records, traffic }: HttpServices): void {
  getOverviewOperation.handle(api, async (_, c) => {
    const namespace = c.get('namespace')
    const prefix = prefixOf(namespace)
    const [first] = await records.scopes('memories', { after: prefix, limit: 1 })
    const { oldestAt, ...pending } = await sumOfStored(pendingTurns(records, prefix))
    return {
      namespace,
      has_users: first?.startsWith(prefix) ?? false,
      traffic: traffic.summarise(namespace),
      pending: { ...pending, oldest_at: toIso(oldestAt) },
    }
  })

  listUsersOperation.handle(api, async ({ prefix = '', limit, cursor }, c) => {
    const after = cursor === undefined ? undefined : decodeCursor(cursor).id
    const { userIds, next } = await listUsers(records, c.get('namespace'), { prefix, after, limit })
    return {
      users: userIds.map((user_id) => ({ user_id })),
      next_cursor: next === null ? null : encodeCursor({ order: 0, id: next }),
    }
  })
}

/** Prefix of the scope keys of a namespace. */
function prefixOf(namespace: string): string {
  return scopeKey({ namespace, userId: '' })
}

async function* pendingTurns(records: RecordStore, prefix: string): AsyncGenerator<PendingTurn> {
  for await (const key of pendingScopes(records)) {
    // The buffer logs invalid records.
    if (key.startsWith(prefix)) yield* scrollPending(records, key, () => {})
  }
}

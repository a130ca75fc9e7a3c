import { z } from '@hono/zod-openapi'
import { datedFacts, themesByMonth } from '../../../memory/graph/knowledge.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import { type Api, operation, scopeOf, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { acceptOf } from './selection.ts'
import { isPartial, relationView, toRelationView } from './views.ts'

const getLifeTimelineOperation = operation({
  route: 'GET /v1/timeline',
  operationId: 'get_life_timeline',
  summary: 'Get the dated facts of a user in order, and the themes of each month',
  query: { ...s.memorySelection, limit: s.queryLimit(500, 100) },
  returns: 'The latest facts, oldest first, and all months.',
  answer: {
    facts: z.array(
      z.object({
        date: z.string().describe('YYYY, YYYY-MM or YYYY-MM-DD.'),
        memory_id: z.string(),
        memory: z.string(),
        relation: relationView.nullable().describe('The relation that began then.'),
      }),
    ),
    months: z.array(
      z.object({
        month: z.string(),
        memories: z.number(),
        themes: z.array(z.object({ theme: z.string(), memories: z.number() })),
        rose: z.array(z.string()).describe('Themes with a larger share than in the months before.'),
        faded: z.array(z.string()).describe('Themes with a smaller share than in the months before.'),
      }),
    ),
    is_partial: isPartial,
  },
})

export function lifeTimelineRoutes(api: Api, { graphs }: HttpServices): void {
  getLifeTimelineOperation.handle(api, async ({ user_id, limit, ...selection }, c) => {
    const read = await graphs.read(scopeKey(scopeOf(c, user_id)), signalOf(c), acceptOf(selection))
    const facts = datedFacts(read)
    return {
      facts: facts.slice(-limit).map(({ date, memory, relation }) => ({
        ...{ date, memory_id: memory.id, memory: memory.text },
        relation: relation ? toRelationView(relation) : null,
      })),
      months: themesByMonth(read),
      is_partial: read.isPartial || facts.length > limit,
    }
  })
}

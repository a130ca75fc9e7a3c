import { z } from '@hono/zod-openapi'
import { splitEntity } from '../../../memory/graph/corrections.ts'
import { topEntities } from '../../../memory/graph/knowledge.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import { AppError } from '../../../ports/errors.ts'
import { type Api, operation, scopeOf, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { toIso } from '../../shared/values.ts'
import { acceptOf } from './selection.ts'
import { entityView, isPartial, relationView, toEntityView, toRelationView } from './views.ts'

/** Mentions of an entity in one answer, the latest ones. */
const MAX_MENTIONS = 200

const entityId = z.string().max(100).describe('Id of the entity.')

const listEntitiesOperation = operation({
  route: 'GET /v1/entities',
  operationId: 'list_entities',
  summary: 'List the persons, places and things that a user talks about',
  description: 'The most frequent and recent first: each mention counts, halved for every 30 days since.',
  query: {
    ...s.memorySelection,
    type: z.string().max(64).optional().describe('Only entities of this type, such as person.'),
    limit: s.queryLimit(200, 20),
  },
  returns: 'The entities.',
  answer: {
    entities: z.array(entityView),
    types: z.record(z.string(), z.number()).describe('Number of entities per type.'),
    is_partial: isPartial,
  },
})

const getEntityOperation = operation({
  route: 'GET /v1/entities/{id}',
  operationId: 'get_entity',
  summary: 'Get an entity with its mentions and relations',
  params: { id: entityId },
  query: s.memorySelection,
  returns: 'The entity.',
  answer: {
    ...entityView.shape,
    mentions: z
      .array(
        z.object({
          memory_id: z.string(),
          at: z.string(),
          conversation_id: z.string().nullable(),
          turn: z.number().nullable(),
        }),
      )
      .describe(`The latest ${MAX_MENTIONS}, latest first.`),
    relations: z.array(relationView).describe('Also those that have ended.'),
  },
})

const splitEntityOperation = operation({
  route: 'POST /v1/entities/{id}/split',
  operationId: 'split_entity',
  summary: 'Take back that a name was merged into an entity',
  params: { id: entityId },
  body: {
    user_id: s.userId,
    name: s.identifier('An alias of the entity with the reason "similar".', 'Bob'),
  },
  returns: 'The name is an entity of its own.',
  answer: { split: z.string() },
})

export function entityRoutes(api: Api, { graphs, engine, now }: HttpServices): void {
  listEntitiesOperation.handle(api, async ({ user_id, type, limit, ...selection }, c) => {
    const read = await graphs.read(scopeKey(scopeOf(c, user_id)), signalOf(c), acceptOf(selection))
    const all = topEntities(read.graph, now())
    const selected = all.filter((entity) => type === undefined || entity.type === type)
    const types: Record<string, number> = Object.create(null)
    for (const entity of all) types[entity.type] = (types[entity.type] ?? 0) + 1
    return {
      entities: selected.slice(0, limit).map((entity) => toEntityView(entity, now())),
      types: { ...types },
      is_partial: read.isPartial || selected.length > limit,
    }
  })

  getEntityOperation.handle(api, async ({ id, user_id, ...selection }, c) => {
    const { graph } = await graphs.read(scopeKey(scopeOf(c, user_id)), signalOf(c), acceptOf(selection))
    const entity = graph.entities.get(id)
    if (!entity) throw new AppError('not_found', `id: no entity ${JSON.stringify(id)} of this user`)
    const latest = entity.mentions.toSorted((a, b) => b.at - a.at).slice(0, MAX_MENTIONS)
    return {
      ...toEntityView(entity, now()),
      mentions: latest.map(({ memoryId, at, conversationId, turn }) => ({
        ...{ memory_id: memoryId, at: toIso(at), conversation_id: conversationId, turn },
      })),
      relations: graph.relations
        .filter(({ subject, object }) => subject === id || object === id)
        .map(toRelationView),
    }
  })

  splitEntityOperation.handle(api, async ({ id, user_id, name }, c) => {
    await splitEntity(engine, graphs, scopeOf(c, user_id), { id, name })
    return { split: name }
  })
}

import { z } from '@hono/zod-openapi'
import { restoreRelation } from '../../../memory/graph/corrections.ts'
import { topEntities } from '../../../memory/graph/knowledge.ts'
import { toMermaid } from '../../../memory/graph/mermaid.ts'
import { neighbourhood } from '../../../memory/graph/neighbourhood.ts'
import type { Graph, Relation } from '../../../memory/graph/types.ts'
import { scopeKey } from '../../../memory/model/scope.ts'
import { invalid } from '../../../ports/errors.ts'
import { type Api, operation, scopeOf, signalOf } from '../../shared/operation.ts'
import * as s from '../../shared/schemas.ts'
import type { HttpServices } from '../../shared/services.ts'
import { acceptOf } from './selection.ts'
import { entityView, isPartial, relationView, toEntityView, toRelationView } from './views.ts'

const MAX_NODES = 200
const MAX_ENTITIES = 8
const DEFAULT_DEPTH = 2

const entities = z
  .string()
  .max(2048, { error: 'expected at most 2048 characters' })
  .transform((text) => text.split(',').flatMap((name) => name.trim() || []))
  .refine((names) => names.length <= MAX_ENTITIES, { error: `expected at most ${MAX_ENTITIES} entities` })
  .optional()
  .openapi({
    type: 'string',
    description: `Names or ids of entities, at most ${MAX_ENTITIES}, comma-separated; "user" is the user. The graphs around several entities are joined by the shortest paths between them. Absent: the entities with relations that are mentioned most.`,
    example: 'Ana',
  })

const getGraphOperation = operation({
  route: 'GET /v1/graph',
  operationId: 'get_graph',
  summary: 'Get the entities and relations of a user',
  query: {
    ...s.memorySelection,
    entity: entities,
    depth: s.queryInteger(s.integer(0, 4).default(DEFAULT_DEPTH), {
      minimum: 0,
      maximum: 4,
      default: DEFAULT_DEPTH,
      description: 'Steps from the nearest of the given entities, 0 to 4; default 2.',
      example: 2,
    }),
    as_of: s.time('The relations that held at this time; default: now.').optional(),
    ended: z
      .enum(['true', 'false'], { error: 'expected "true" or "false"' })
      .optional()
      .describe('true: also relations that have ended. Default false.'),
  },
  returns: 'Nodes and edges. Unknown entities are listed in unknown.',
  answer: {
    nodes: z.array(entityView),
    edges: z.array(relationView),
    unknown: z.array(z.string()).describe('Entities of the request that no memory mentions.'),
    is_partial: isPartial,
    mermaid: z.string().describe('The same as a flowchart in the syntax of Mermaid.'),
  },
})

const restoreRelationOperation = operation({
  route: 'POST /v1/relations/{id}/restore',
  operationId: 'restore_relation',
  summary: 'Restore a relation that a later one replaced',
  description: 'It then holds beside the later relation.',
  params: { id: z.string().max(100).describe('Id of the relation.') },
  query: { user_id: s.userId },
  returns: 'The relation was restored.',
  answer: { restored: z.string() },
})

export function graphRoutes(api: Api, { graphs, engine, now }: HttpServices): void {
  getGraphOperation.handle(api, async ({ user_id, entity, depth, as_of, ended, ...selection }, c) => {
    const read = await graphs.read(scopeKey(scopeOf(c, user_id)), signalOf(c), acceptOf(selection))
    const { graph } = read
    const named = (entity ?? []).map((name) => ({ name, found: findEntity(graph, name) }))
    const isWhole = named.length === 0
    const starts = isWhole ? connected(graph, now()) : named.flatMap(({ found }) => found?.id ?? [])
    const withEnded = ended === 'true'
    if (withEnded && as_of !== undefined) {
      throw invalid('ended', 'no ended=true together with as_of', ended)
    }
    const sub = neighbourhood(graph, starts, {
      depth: isWhole ? 0 : depth,
      asOf: as_of === undefined ? undefined : Date.parse(as_of),
      withEnded,
      limit: MAX_NODES,
    })
    const ends = endsOf(sub.relations)
    // Of the whole graph, entities whose relations do not hold at the time are left out.
    const shown = isWhole ? sub.entities.filter(({ id }) => ends.has(id)) : sub.entities
    return {
      nodes: shown.map((one) => toEntityView(one, now())),
      edges: sub.relations.map(toRelationView),
      unknown: named.flatMap(({ name, found }) => (found ? [] : [name])),
      is_partial: sub.isPartial || read.isPartial,
      mermaid: toMermaid({ ...sub, entities: shown }),
    }
  })

  restoreRelationOperation.handle(api, async ({ id, user_id }, c) => {
    await restoreRelation(engine, graphs, scopeOf(c, user_id), id)
    return { restored: id }
  })
}

function findEntity(graph: Graph, nameOrId: string) {
  return graph.entities.get(nameOrId) ?? graph.find(nameOrId)
}

/** The entities of the whole graph that have relations, the user first. */
function connected(graph: Graph, now: number): string[] {
  const ends = endsOf(graph.relations)
  return [graph.self, ...topEntities(graph, now).map(({ id }) => id)].filter((id) => ends.has(id))
}

function endsOf(relations: readonly Relation[]): Set<string> {
  return new Set(relations.flatMap(({ subject, object }) => [subject, object]))
}

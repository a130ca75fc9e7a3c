import { z } from 'zod'
import { defineNode } from './shared/node.ts'
import { id, integer, name } from './shared/parameters.ts'
import { plural } from './shared/text.ts'

const Node = z.looseObject({ id: z.string(), name: z.string() })
const Edge = z.looseObject({ subject: z.string(), label: z.string(), object: z.string() })
const Answer = z.looseObject({ nodes: z.array(Node), edges: z.array(Edge), mermaid: z.string() })

/** Reads the persons, places and things around an entity, and their relations. */
export const graph = defineNode({
  name: 'graph',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    entity: name('names of entities, separated by commas').optional(),
    depth: integer(0, 4).default(2),
    as_of: name('a time such as 2026-03-01T00:00:00Z').optional(),
  },
  outputs: {
    context: '',
    graph: {} as Record<string, unknown>,
    mermaid: '',
    count: 0,
    status: 'error',
    error: '',
  },
  jsonOutputs: ['status', 'count', 'error'],
  failureText: 'The graph could not be read.',
  async run(query, call) {
    const { nodes, edges, mermaid } = await call.ask(Answer, { method: 'GET', path: '/v1/graph', query })
    const context = toLines(nodes, edges)
    const count = edges.length
    return {
      outputs: { context, graph: { nodes, edges }, mermaid, count, status: count > 0 ? 'ok' : 'empty' },
      details: { nodes: nodes.length, edges: count },
      text: count === 0 ? 'No relation is known.' : `Found ${plural(count, 'relation', 'relations')}.`,
      agentText: context,
    }
  },
})

/** One line per relation: `Ana · lives in · Osaka`. */
function toLines(nodes: readonly z.infer<typeof Node>[], edges: readonly z.infer<typeof Edge>[]): string {
  const names = new Map(nodes.map(({ id, name }) => [id, name]))
  return edges
    .map(({ subject, label, object }) =>
      [names.get(subject), label.replaceAll('_', ' '), names.get(object)].join(' · '),
    )
    .join('\n')
}

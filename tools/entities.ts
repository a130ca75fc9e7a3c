import { z } from 'zod'
import { defineNode } from './shared/node.ts'
import { id, integer, name } from './shared/parameters.ts'
import { plural } from './shared/text.ts'

const Answer = z.looseObject({
  entities: z.array(z.looseObject({ name: z.string(), type: z.string(), count: z.number() })),
})

/** Lists the persons, places and things that a user talks about. */
export const entities = defineNode({
  name: 'entities',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    type: name('a type such as person or place').optional(),
    limit: integer(1, 200).default(20),
  },
  outputs: { context: '', entities: [] as Record<string, unknown>[], count: 0, status: 'error', error: '' },
  jsonOutputs: ['status', 'count', 'error'],
  failureText: 'The entities could not be read.',
  async run(query, call) {
    const { entities } = await call.ask(Answer, { method: 'GET', path: '/v1/entities', query })
    const count = entities.length
    const context = entities.map(({ name, type, count }) => `${name} (${type}, ${count})`).join('\n')
    return {
      outputs: { context, entities, count, status: count > 0 ? 'ok' : 'empty' },
      text: count === 0 ? 'No entity is known.' : `Listed ${plural(count, 'entity', 'entities')}.`,
      agentText: context,
    }
  },
})

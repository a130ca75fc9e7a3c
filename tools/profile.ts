import { z } from 'zod'
import { defineNode } from './shared/node.ts'
import { id, integer, name } from './shared/parameters.ts'
import { plural } from './shared/text.ts'

const list = z.array(z.record(z.string(), z.unknown())).catch([])
const Answer = z.looseObject({
  text: z.string(),
  topics: list,
  static: list,
  recent: list,
  count: z.number().catch(0),
  left_out: z.number().catch(0),
})

/** Summarizes a user's memories by topic, without a query. */
export const profile = defineNode({
  name: 'profile',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    token_budget: integer(0, 20_000).default(800),
    topics: name('names of topics, separated by commas').optional(),
    agent_id: id('the id of an agent').optional(),
  },
  outputs: { context: '', profile: {} as Record<string, unknown>, count: 0, status: 'error', error: '' },
  jsonOutputs: ['status', 'count', 'error'],
  failureText: 'The profile could not be read.',
  async run(query, call) {
    const answer = await call.ask(Answer, { method: 'GET', path: '/v1/profile', query })
    const { text, topics, static: fixed, recent, count, left_out } = answer
    return {
      outputs: {
        context: text,
        profile: { topics, static: fixed, recent },
        count,
        status: count > 0 ? 'ok' : 'empty',
      },
      details: { topics, left_out },
      text: describe(count, left_out),
      agentText: text,
    }
  },
})

function describe(count: number, leftOut: number): string {
  if (count === 0)
    return leftOut === 0 ? 'Nothing is known about the user.' : 'The token budget is too small.'
  const listed = `${plural(count, 'memory', 'memories')} by topic`
  return leftOut === 0 ? `${listed}.` : `${listed}; ${leftOut} more exceed the token budget.`
}

import { z } from 'zod'
import { NodeError } from './shared/failure.ts'
import { defineNode } from './shared/node.ts'
import { flag, id } from './shared/parameters.ts'
import { plural } from './shared/text.ts'

const count = z.number().catch(0)
const Answer = z.looseObject({
  status: z.literal('forgotten'),
  removed: z.looseObject({ memories: count, turns: count }),
})

/** Erases everything stored for a user. Refused in agent apps too, because it cannot be undone. */
export const forgetUser = defineNode({
  name: 'forget_user',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    // A setting (`form: form`), so that no model gets to see it.
    confirm: flag().default(false),
  },
  outputs: { status: 'error', memories: 0, turns: 0, error: '' },
  isDestructive: true,
  failureText: 'The user was not forgotten.',
  async run({ user_id, confirm }, call) {
    if (call.caller.isAgentApp)
      throw new NodeError('Refused: a model must not erase a user. Use this node in a workflow.')
    if (!confirm)
      return { outputs: { status: 'unconfirmed' }, text: 'Nothing was erased: the setting Confirm is off.' }
    const { status, removed } = await call.ask(Answer, {
      method: 'DELETE',
      path: '/v1/memories',
      query: { user_id },
    })
    const { memories, turns } = removed
    return {
      outputs: { status, memories, turns },
      details: { removed },
      text: `Erased ${plural(memories, 'memory', 'memories')} and ${plural(turns, 'turn', 'turns')}.`,
    }
  },
})

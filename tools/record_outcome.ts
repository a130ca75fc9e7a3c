import { z } from 'zod'
import { resolveTurn } from './shared/caller.ts'
import { defineNode } from './shared/node.ts'
import { id, name, text, turnNumber } from './shared/parameters.ts'
import { plural } from './shared/text.ts'

const Answer = z.looseObject({
  status: z.literal('ok'),
  attributed: z
    .array(z.looseObject({ experiment: z.string().catch(''), arm: z.string().catch('') }))
    .catch([]),
  reason: z.string().catch(''),
})

/** Records an outcome of a turn, for the experiments that its conversation or user takes part in. */
export const recordOutcome = defineNode({
  name: 'record_outcome',
  parameters: {
    outcome: name('the name of an outcome').default('thumbs'),
    value: text('a number, true, false, like, dislike or none').optional(),
    user_id: id('the id of a user, such as sys.user_id').optional(),
    conversation_id: name('the id of a conversation').optional(),
    turn: turnNumber(),
    outcome_id: name('an id').optional(),
  },
  outputs: { status: 'error', experiments: 0, arm: '', reason: '', error: '' },
  failureText: 'The outcome was not recorded.',
  async run({ outcome, value, user_id, outcome_id, ...place }, call) {
    if (value === undefined)
      return { outputs: { status: 'skipped' }, text: 'Nothing was recorded: the value is empty.' }
    const { conversation_id, turn } = resolveTurn(call.caller, place)
    const { attributed, reason } = await call.ask(Answer, {
      method: 'POST',
      path: '/v1/outcomes',
      body: { name: outcome, value, user_id, conversation_id, turn, id: outcome_id },
      isRepeatable: turn !== undefined || outcome_id !== undefined,
    })
    const experiments = attributed.length
    return {
      outputs: {
        status: experiments > 0 ? 'recorded' : 'no_experiment',
        experiments,
        arm: attributed[0]?.arm ?? '',
        reason,
      },
      details: { attributed },
      text:
        experiments > 0
          ? `The outcome was recorded for ${plural(experiments, 'experiment', 'experiments')}.`
          : 'No experiment has assigned this conversation or user; nothing was recorded.',
    }
  },
})

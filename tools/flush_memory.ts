import { z } from 'zod'
import { resolveTurn } from './shared/caller.ts'
import { NodeError } from './shared/failure.ts'
import { modelSelection } from './shared/model-selection.ts'
import { ALL_KINDS, EMBEDDINGS, serveModels } from './shared/models.ts'
import { defineNode } from './shared/node.ts'
import { flag, id } from './shared/parameters.ts'
import { DEADLINE_MS } from './shared/sidecar.ts'
import { plural } from './shared/text.ts'

const Answer = z.looseObject({
  status: z.enum(['flushed', 'started', 'failed']),
  events: z.array(z.looseObject({ event: z.string() })).catch([]),
  reason: z.string().catch(''),
  pending: z.looseObject({ turns: z.number().catch(0) }).catch({ turns: 0 }),
})

const NO_MODEL =
  'No language model answered. If the sidecar has LLM_MODEL=dify, choose a model in the field Model for extraction.'

/** Extracts memories from the pending turns now. No pending turns is not an error. */
export const flushMemory = defineNode({
  name: 'flush_memory',
  parameters: {
    user_id: id('the id of a user, such as sys.user_id').optional(),
    // A filter: the conversation of the run is not the default.
    conversation_id: id('the id of a conversation').optional(),
    wait: flag().default(true),
    end: flag().default(false),
    model: modelSelection().optional(),
    embedding_model: modelSelection().optional(),
  },
  outputs: { status: 'error', events: 0, pending_turns: 0, reason: '', error: '' },
  failureText: 'The flush failed.',
  async run({ user_id, wait, end, model, embedding_model, ...filter }, call) {
    // Only the end of a conversation needs one; the default is that of the run.
    const { conversation_id } = end ? resolveTurn(call.caller, filter) : filter
    if (end && conversation_id === undefined)
      throw new NodeError('conversation_id: expected the conversation that has ended, got nothing.')
    const models = serveModels(call, user_id, { llm: model, embedding: embedding_model })
    const flush = () =>
      call.ask(Answer, {
        method: 'POST',
        path: '/v1/flush',
        body: { user_id, conversation_id, wait, ...(end && { end }) },
        deadlineMs: wait ? DEADLINE_MS.sync : DEADLINE_MS.write,
        isRepeatable: true,
      })
    // A flush that is waited for answers after its model requests were.
    const answer = await models.during(wait ? ALL_KINDS : [], flush)
    await models.due(wait ? EMBEDDINGS : ALL_KINDS)
    const { status, reason } = answer
    const events = answer.events.filter(({ event }) => event !== 'NOOP')
    const { completion, embedding } = models.failures
    const extraction = reason === 'unreachable' && !model ? NO_MODEL : completion
    const outputs = { status, events: events.length, pending_turns: answer.pending.turns, reason }
    const isComplete = reason === '' && wait
    const error = [isComplete ? '' : extraction, embedding].join(' ').trim()
    return {
      outputs: { ...outputs, error },
      details: { events },
      text: `${describe(outputs)} ${error}`.trimEnd(),
    }
  },
})

function describe({
  status,
  events,
  pending_turns,
  reason,
}: {
  status: string
  events: number
  pending_turns: number
  reason: string
}): string {
  if (status === 'started') return 'The flush runs in the background.'
  const changed = events === 0 ? 'No memory changed' : `${plural(events, 'memory', 'memories')} changed`
  if (pending_turns === 0) return `${changed}.`
  const because = reason === '' ? '' : ` (${reason})`
  return `${changed}; ${plural(pending_turns, 'turn is', 'turns are')} still pending${because}.`
}

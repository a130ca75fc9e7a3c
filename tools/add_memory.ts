import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { resolveTurn } from './shared/caller.ts'
import { modelSelection } from './shared/model-selection.ts'
import { ALL_KINDS, EMBEDDINGS, serveModels } from './shared/models.ts'
import { defineNode } from './shared/node.ts'
import { handOver } from './shared/outbox/outbox.ts'
import { choice, id, jsonObject, localMoment, name, text, turnNumber } from './shared/parameters.ts'
import { DEADLINE_MS } from './shared/sidecar.ts'
import { plural } from './shared/text.ts'

const Answer = z.looseObject({
  status: z.enum(['stored', 'buffered']),
  turn_id: z.coerce.string(),
  events: z.array(z.looseObject({ event: z.string() })).catch([]),
  pending: z.looseObject({ turns: z.number().optional() }).optional(),
  took_ms: z.number().catch(0),
})

/**
 * Sends one turn to the sidecar. A repeated turn of a conversation replaces the first. While the sidecar is away, turns
 * are queued.
 */
export const addMemory = defineNode({
  name: 'add_memory',
  parameters: {
    user: text('text').optional(),
    assistant: text('text').optional(),
    user_id: id('the id of a user, such as sys.user_id').optional(),
    conversation_id: name('the id of a conversation').optional(),
    turn: turnNumber(),
    mode: choice(['buffered', 'sync', 'verbatim']).optional(),
    remember: choice(['user', 'assistant', 'both']).optional(),
    user_name: name('a name').optional(),
    assistant_name: name('a name').optional(),
    at: localMoment().optional(),
    metadata: jsonObject().optional(),
    agent_id: name('the id of an agent').optional(),
    model: modelSelection().optional(),
    embedding_model: modelSelection().optional(),
  },
  outputs: { status: 'error', turn_id: '', pending_turns: 0, error: '' },
  failureText: 'The turn was not stored.',
  async run(
    {
      user,
      assistant,
      user_name,
      assistant_name,
      at,
      conversation_id,
      turn,
      model,
      embedding_model,
      ...fields
    },
    call,
  ) {
    const messages = [
      { role: 'user', content: user, name: user_name, at },
      { role: 'assistant', content: assistant, name: assistant_name, at },
    ].filter((message) => message.content !== undefined)
    if (messages.length === 0)
      return { outputs: { status: 'skipped' }, text: 'Nothing to remember: the messages are empty.' }
    const place = resolveTurn(call.caller, { conversation_id, turn })
    const isSync = fields.mode === 'sync'
    const models = serveModels(call, fields.user_id, { llm: model, embedding: embedding_model })
    const add = () =>
      handOver(
        {
          credentials: call.caller.credentials,
          storage: call.dify.storage,
          ask: (request) => call.ask(z.record(z.string(), z.unknown()), request),
        },
        { id: randomUUID(), body: { ...fields, messages, ...place, app_id: call.caller.appId } },
        isSync ? DEADLINE_MS.sync : DEADLINE_MS.write,
      )
    // The sidecar embeds the turn before it answers, and in mode sync it extracts too.
    const handed = await models.during(isSync ? ALL_KINDS : EMBEDDINGS, add)
    if ('queued' in handed) {
      return {
        outputs: { status: 'queued', error: handed.reason },
        details: { queued_turns: handed.queued },
        text: handed.reason,
      }
    }
    const { status, turn_id, events, pending, took_ms } = call.parse(Answer, handed.answer)
    await models.due(isSync ? EMBEDDINGS : ALL_KINDS)
    const added = events.filter(({ event }) => event === 'ADD').length
    const isBuffered = status === 'buffered'
    const { completion, embedding } = models.failures
    const error = [isBuffered ? completion : '', embedding].join(' ').trim()
    const result = isBuffered ? 'Accepted; memories are extracted later.' : describeAdded(added)
    return {
      outputs: { status, turn_id, pending_turns: pending?.turns ?? 0, error },
      details: { events, took_ms: { total: took_ms } },
      text: `${result} ${error}`.trimEnd(),
    }
  },
})

function describeAdded(added: number): string {
  return added === 0
    ? 'Accepted; it contains nothing new to remember.'
    : `Stored ${plural(added, 'new memory', 'new memories')}.`
}

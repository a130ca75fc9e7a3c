import { z } from 'zod'
import { type Caller, identify, locate } from './_caller.ts'
import { choice, id, integer, jsonObject, moment, name, readParameters, text } from './_parameters.ts'
import { numberOr, type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface AddMemoryOutputs {
  status: 'stored' | 'buffered' | 'skipped' | 'error'
  turn_id: string
  pending_turns: number
  error: string
}

const NEUTRAL: AddMemoryOutputs = { status: 'error', turn_id: '', pending_turns: 0, error: '' }

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  user: text('text').optional(),
  assistant: text('text').optional(),
  user_id: id('the id of a user, such as sys.user_id').optional(),
  conversation_id: name('the id of a conversation').optional(),
  turn: integer(1).optional(),
  mode: choice(['buffered', 'sync', 'verbatim']).optional(),
  remember: choice(['user', 'assistant', 'both']).optional(),
  user_name: name('a name').optional(),
  assistant_name: name('a name').optional(),
  at: moment().optional(),
  metadata: jsonObject().optional(),
  agent_id: name('the id of an agent').optional(),
}

const Answer = z.looseObject({
  status: z.enum(['stored', 'buffered']),
  turn_id: z.coerce.string(),
  events: z.array(z.looseObject({ event: z.string() })).catch([]),
  pending: z.looseObject({ turns: z.number().optional() }).optional(),
})

/** Hands one turn to the sidecar. A repetition of the same turn of a conversation replaces it. */
export async function addMemory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<AddMemoryOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { user, assistant, user_name, assistant_name, at, mode, remember, metadata, agent_id } = read.values
  const who = identify(caller, read.values.user_id)
  if (!who.ok) return failed(who.message)
  const messages = [
    { role: 'user', content: user, name: user_name, at },
    { role: 'assistant', content: assistant, name: assistant_name, at },
  ].filter((message) => message.content !== undefined)
  if (messages.length === 0) return skipped()
  const place = locate(caller, read.values)
  const answer = await callSidecar(caller.credentials, {
    method: 'POST',
    path: '/v1/memories',
    body: {
      user_id: who.userId,
      messages,
      ...place,
      agent_id,
      app_id: caller.appId,
      metadata,
      mode,
      remember,
    },
    deadlineMs: mode === 'sync' ? DEADLINE_MS.sync : DEADLINE_MS.write,
    // The sidecar keeps one turn per conversation and number.
    repeatable: place.turn !== undefined,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { status, turn_id, events, pending } = body.data
  const outputs = { ...NEUTRAL, status, turn_id, pending_turns: pending?.turns ?? 0 }
  const added = events.filter(({ event }) => event === 'ADD').length
  const took_ms = { total: numberOr(answer.body['took_ms'], 0), round_trip: answer.roundTripMs }
  return {
    outputs,
    json: { ...outputs, events, took_ms },
    text: status === 'buffered' ? 'Noted; memories follow shortly.' : summary(added),
  }
}

function summary(added: number): string {
  return added === 0
    ? 'Noted; nothing new to remember.'
    : `Remembered ${plural(added, 'new memory', 'new memories')}.`
}

function skipped(): Report<AddMemoryOutputs> {
  const outputs = { ...NEUTRAL, status: 'skipped' as const }
  return { outputs, json: outputs, text: 'Nothing to remember: the messages are empty.' }
}

function failed(error: string): Report<AddMemoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: outputs, text: `The turn was not remembered. ${error}` }
}

export const AddMemory = reporting(addMemory)

import { z } from 'zod'
import { type Caller, identify, locate } from './_caller.ts'
import { flag, id, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface FlushMemoryOutputs {
  status: 'flushed' | 'started' | 'error'
  /** Memories that were added, changed or removed. */
  events: number
  /** Turns that wait on. */
  pending_turns: number
  /** Why turns wait on, as a word such as `timeout`; '' when none does that was tried. */
  reason: string
  error: string
}

const NEUTRAL: FlushMemoryOutputs = { status: 'error', events: 0, pending_turns: 0, reason: '', error: '' }

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  user_id: id('the id of a user, such as sys.user_id').optional(),
  // Narrows what is learned from, so the conversation of the run is not taken in its place.
  conversation_id: id('the id of a conversation').optional(),
  wait: flag().default(true),
  end: flag().default(false),
}

const Answer = z.looseObject({
  status: z.enum(['flushed', 'started']),
  events: z.array(z.looseObject({ event: z.string() })).catch([]),
  reason: z.string().catch(''),
  pending: z.looseObject({ turns: z.number().catch(0) }).catch({ turns: 0 }),
})

/** Has the sidecar learn now from the turns that wait. Where none does, there is nothing to do and no error. */
export async function flushMemory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<FlushMemoryOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { user_id, wait, end } = read.values
  // Only what is over has to be some conversation; if none is named it is that of the run.
  const conversation_id = end ? locate(caller, read.values).conversation_id : read.values.conversation_id
  if (end && conversation_id === undefined) {
    return failed('conversation_id: expected the conversation that is over, came nothing.')
  }
  const who = identify(caller, user_id)
  if (!who.ok) return failed(who.message)
  const answer = await callSidecar(caller.credentials, {
    method: 'POST',
    path: '/v1/flush',
    body: { user_id: who.userId, conversation_id, wait, ...(end ? { end } : {}) },
    deadlineMs: wait ? DEADLINE_MS.sync : DEADLINE_MS.write,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { status, reason, pending } = body.data
  const events = body.data.events.filter(({ event }) => event !== 'NOOP')
  const outputs: FlushMemoryOutputs = {
    ...NEUTRAL,
    ...{ status, events: events.length, pending_turns: pending.turns, reason },
  }
  const took_ms = { round_trip: answer.roundTripMs }
  return { outputs, json: { ...outputs, events, took_ms }, text: summary(outputs) }
}

function summary({ status, events, pending_turns, reason }: FlushMemoryOutputs): string {
  if (status === 'started') return 'Learning has begun.'
  const learned = events === 0 ? 'Nothing new was learned' : `${plural(events, 'memory', 'memories')} changed`
  if (pending_turns === 0) return `${learned}.`
  const because = reason === '' ? '' : ` (${reason})`
  return `${learned}; ${plural(pending_turns, 'turn waits', 'turns wait')} on${because}.`
}

function failed(error: string): Report<FlushMemoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: outputs, text: `Nothing was learned. ${error}` }
}

export const FlushMemory = reporting(flushMemory)

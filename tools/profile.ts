import { z } from 'zod'
import { type Caller, identify } from './_caller.ts'
import { id, integer, name, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface ProfileOutputs {
  /** For the prompt; '' when nothing is known. */
  context: string
  /** `topics`, `static` and `recent`, as the sidecar gives them. */
  profile: Record<string, unknown>
  /** Memories in it. */
  count: number
  status: 'ok' | 'empty' | 'error'
  error: string
}

const NEUTRAL: ProfileOutputs = { context: '', profile: {}, count: 0, status: 'error', error: '' }

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  user_id: id('the id of a user, such as sys.user_id').optional(),
  token_budget: integer(0, 20_000).default(800),
  topics: name('names of topics, separated by commas').optional(),
  agent_id: id('the id of an agent').optional(),
}

const list = z.array(z.record(z.string(), z.unknown())).catch([])
const Answer = z.looseObject({
  text: z.string(),
  topics: list,
  static: list,
  recent: list,
  count: z.number().catch(0),
  left_out: z.number().catch(0),
})

/** What is known of a user, by topic and without a query. */
export async function profileOf(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<ProfileOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { user_id, ...query } = read.values
  const who = identify(caller, user_id)
  if (!who.ok) return failed(who.message)
  const answer = await callSidecar(caller.credentials, {
    method: 'GET',
    path: '/v1/profile',
    query: { user_id: who.userId, ...query },
    deadlineMs: DEADLINE_MS.read,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { text, topics, static: stays, recent, count, left_out } = body.data
  const outputs: ProfileOutputs = {
    ...NEUTRAL,
    context: text,
    profile: { topics, static: stays, recent },
    count,
    status: count > 0 ? 'ok' : 'empty',
  }
  // Each memory once: an agent's model pays for what it reads.
  const json = { ...status(outputs), topics, left_out, took_ms: { round_trip: answer.roundTripMs } }
  return { outputs, json, text: summary(count, left_out) }
}

const status = ({ count, status, error }: ProfileOutputs) => ({ status, count, error })

function summary(count: number, leftOut: number): string {
  if (count === 0) return leftOut === 0 ? 'Nothing is known of the user.' : 'The token budget is too small.'
  const known = `${plural(count, 'memory', 'memories')} by topic`
  return leftOut === 0 ? `${known}.` : `${known}; ${leftOut} more found no room.`
}

function failed(error: string): Report<ProfileOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: status(outputs), text: `The profile could not be read. ${error}` }
}

export const Profile = reporting(profileOf)

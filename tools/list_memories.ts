import { z } from 'zod'
import { type Caller, identify } from './_caller.ts'
import { datedLine, fenced, oneLine } from './_context.ts'
import { item, type MemoryItem } from './_memories.ts'
import { choice, id, integer, moment, name, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface ListMemoriesOutputs {
  memories: MemoryItem[]
  context: string
  /** Memories on this page. */
  count: number
  /** '' on the last page. */
  next_cursor: string
  status: 'ok' | 'empty' | 'error'
  error: string
}

const NEUTRAL: ListMemoriesOutputs = {
  memories: [],
  context: '',
  count: 0,
  next_cursor: '',
  status: 'error',
  error: '',
}

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  user_id: id('the id of a user, such as sys.user_id').optional(),
  // Narrows the list, so the conversation of the run is not taken in its place, and a missing variable is an error.
  conversation_id: id('the id of a conversation').optional(),
  agent_id: id('the id of an agent').optional(),
  run_id: id('the id of a run').optional(),
  limit: integer(1, 500).default(20),
  cursor: name('the next_cursor of the page before').optional(),
  order: choice(['newest', 'oldest']).default('newest'),
  as_of: moment().optional(),
}

const Answer = z.looseObject({
  memories: z.array(z.record(z.string(), z.unknown())),
  next_cursor: z.string().catch(''),
})

/** One page of what is remembered of a user, by date and without a query. */
export async function listMemories(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<ListMemoriesOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { user_id, ...query } = read.values
  const who = identify(caller, user_id)
  if (!who.ok) return failed(who.message)
  const answer = await callSidecar(caller.credentials, {
    method: 'GET',
    path: '/v1/memories',
    query: { user_id: who.userId, ...query },
    deadlineMs: DEADLINE_MS.read,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const memories = body.data.memories.map(item)
  const outputs: ListMemoriesOutputs = {
    ...NEUTRAL,
    memories,
    context: fenced('What is remembered of the user.', memories.map(line)),
    count: memories.length,
    next_cursor: body.data.next_cursor,
    status: memories.length > 0 ? 'ok' : 'empty',
  }
  return { outputs, json: details(outputs, answer.roundTripMs), text: summary(outputs) }
}

function line({ content, at, speaker, role }: MemoryItem): string {
  const who = [speaker, role].find((value) => typeof value === 'string' && value !== '')
  const words = oneLine(content)
  return datedLine(at, who === undefined ? words : `${oneLine(String(who))}: ${words}`)
}

/** Context is left out, since an agent's model reads the memories right here and would pay for them twice. */
function details({ memories, context: _, ...rest }: ListMemoriesOutputs, round_trip: number): object {
  return {
    ...rest,
    memories: memories.map(({ id, content, at, topic, version }) => ({ id, content, at, topic, version })),
    took_ms: { round_trip },
  }
}

function summary({ count, next_cursor }: ListMemoriesOutputs): string {
  if (count === 0) return 'Nothing is remembered here.'
  const listed = plural(count, 'memory', 'memories')
  return next_cursor === '' ? `${listed}.` : `${listed}, and there are more.`
}

function failed(error: string): Report<ListMemoriesOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: details(outputs, 0), text: `Memories could not be listed. ${error}` }
}

export const ListMemories = reporting(listMemories)

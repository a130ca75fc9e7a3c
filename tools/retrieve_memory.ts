import { z } from 'zod'
import { type Caller, identify, locate } from './_caller.ts'
import { item, type MemoryItem } from './_memories.ts'
import { choice, id, integer, jsonObject, name, readParameters, share, text } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface RetrieveMemoryOutputs {
  context: string
  block: string
  delta: string
  memories: MemoryItem[]
  count: number
  status: 'ok' | 'empty' | 'degraded' | 'error'
  strategy: string
  cache: string
  reason: string
  /** Turns; -1 when no cached block was served. */
  age_turns: number
  arm: string
  /** The sidecar's own total. */
  took_ms: number
  error: string
}

const NEUTRAL: RetrieveMemoryOutputs = {
  context: '',
  block: '',
  delta: '',
  memories: [],
  count: 0,
  status: 'error',
  strategy: '',
  cache: 'none',
  reason: '',
  age_turns: -1,
  arm: '',
  took_ms: 0,
  error: '',
}

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  query: text('text, such as sys.query').optional(),
  user_id: id('the id of a user, such as sys.user_id').optional(),
  conversation_id: name('the id of a conversation').optional(),
  turn: integer(1).optional(),
  strategy: choice(['auto', 'per_query', 'cached', 'cached_delta']).default('auto'),
  // 500 is what Dify takes when the LLM node's window is switched off.
  window_size: integer(0, 500).default(10),
  top_k: integer(1, 100).default(10),
  token_budget: integer(0, 100_000).default(1500),
  freshness: choice(['window', 'write']).optional(),
  refresh_on_shift: share().optional(),
  experiment: name('the name of an experiment').optional(),
  filters: jsonObject().optional(),
  agent_id: name('the id of an agent').optional(),
}

const part = z.string().catch('')
const Answer = z.looseObject({
  status: z.enum(['ok', 'empty', 'degraded']),
  context: z.string(),
  block: part,
  delta: part,
  strategy: part,
  memories: z.array(z.record(z.string(), z.unknown())).catch([]),
  cache: z
    .looseObject({ result: z.string().catch('none'), reason: part, age_turns: z.number().catch(-1) })
    .catch({ result: 'none', reason: '', age_turns: -1 }),
  experiment: z.looseObject({ arm: part }).catch({ arm: '' }),
  took_ms: z.looseObject({ total: z.number().catch(0) }).catch({ total: 0 }),
})

/** Asks the sidecar what it knows. An empty query (a picture without words) finds nothing and is no error. */
export async function retrieveMemory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<RetrieveMemoryOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { query, user_id, conversation_id, turn, ...options } = read.values
  const who = identify(caller, user_id)
  if (!who.ok) return failed(who.message)
  if (query === undefined) return nothingAsked()
  const answer = await callSidecar(caller.credentials, {
    method: 'POST',
    path: '/v1/recall',
    body: { query, user_id: who.userId, ...locate(caller, { conversation_id, turn }), ...options },
    deadlineMs: DEADLINE_MS.read,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { status, context, block, delta, strategy, cache, experiment, took_ms } = body.data
  const memories = body.data.memories.map(item)
  const outputs: RetrieveMemoryOutputs = {
    ...NEUTRAL,
    ...{ context, block, delta, memories, count: memories.length, status, strategy },
    ...{ cache: cache.result, reason: cache.reason, age_turns: cache.age_turns },
    ...{ arm: experiment.arm, took_ms: took_ms.total },
  }
  return { outputs, json: details(outputs, answer.body, answer.roundTripMs), text: line(outputs) }
}

/** The object tells what the variables do not: parts of the time, the cache's whole answer. Context is left out, since
 * an agent's model reads the memories right here and would pay for them twice. */
function details(outputs: RetrieveMemoryOutputs, body: Record<string, unknown>, round_trip: number): object {
  const { status, count, strategy, error } = outputs
  const took = typeof body['took_ms'] === 'object' ? body['took_ms'] : {}
  return {
    ...{ status, count, strategy, error },
    memories: outputs.memories.map(({ id, content, score, at }) => ({ id, content, score, at })),
    ...{
      engine: body['engine'],
      degraded: body['degraded'],
      cache: body['cache'],
      experiment: body['experiment'],
      tokens: body['tokens'],
    },
    took_ms: { ...took, round_trip },
  }
}

function line({ status, count }: RetrieveMemoryOutputs): string {
  if (status === 'empty' || count === 0) return 'Nothing is remembered about this.'
  const found = `Found ${plural(count, 'memory', 'memories')}`
  return status === 'degraded' ? `${found}; the answer is older or incomplete.` : `${found}.`
}

function nothingAsked(): Report<RetrieveMemoryOutputs> {
  const outputs = { ...NEUTRAL, status: 'empty' as const }
  return { outputs, json: details(outputs, {}, 0), text: 'Nothing was asked: the query is empty.' }
}

function failed(error: string): Report<RetrieveMemoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: details(outputs, {}, 0), text: `Memory could not be read. ${error}` }
}

export const RetrieveMemory = reporting(retrieveMemory)

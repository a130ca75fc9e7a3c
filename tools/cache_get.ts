import { z } from 'zod'
import { CACHE_PARAMETERS, cachePlace } from './_cache.ts'
import type { Caller } from './_caller.ts'
import { readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface CacheGetOutputs {
  status: 'hit' | 'miss' | 'stale' | 'error'
  /** Text on a hit; '' otherwise, so that a stale value cannot slip into a prompt. */
  value: string
  value_json: Record<string, unknown>
  /** Turns; -1 when unknown. */
  age_turns: number
  /** Seconds; -1 when unknown. */
  age_s: number
  /** Also on a miss that only came about because the sidecar's cache did not answer. */
  error: string
}

const NEUTRAL: CacheGetOutputs = {
  status: 'error',
  value: '',
  value_json: {},
  age_turns: -1,
  age_s: -1,
  error: '',
}

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = CACHE_PARAMETERS

const BACKEND_AWAY = "The sidecar's cache did not answer (Redis); the flow goes on without the value."

const Answer = z.looseObject({
  status: z.enum(['hit', 'miss', 'stale']),
  reason: z.string().catch(''),
  value: z.unknown().optional(),
  age_turns: z.number().catch(-1),
  age_s: z.number().catch(-1),
})

/** Reads a value and learns whether the chat window still allows it. */
export async function cacheGet(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<CacheGetOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const place = cachePlace(caller, read.values)
  if (!place.ok) return failed(place.message)
  const { conversation_id, turn, window_size } = place
  const answer = await callSidecar(caller.credentials, {
    method: 'GET',
    path: place.path,
    query: { conversation_id, turn, window_size },
    deadlineMs: DEADLINE_MS.read,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { status, reason, age_turns, age_s } = body.data
  const kept = status === 'hit' ? body.data.value : undefined
  const error = status === 'miss' && reason === 'backend' ? BACKEND_AWAY : ''
  const outputs = {
    ...NEUTRAL,
    status,
    value: asText(kept),
    value_json: asObject(kept),
    age_turns,
    age_s,
    error,
  }
  const { value_json: _, ...plain } = outputs
  return {
    outputs,
    json: { ...plain, reason, took_ms: { round_trip: answer.roundTripMs } },
    text: line(outputs),
  }
}

function asText(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The value where it is an object or an object's JSON text; Cache Set stores a bound object as text. */
function asObject(value: unknown): Record<string, unknown> {
  let read = value
  if (typeof value === 'string' && value.trimStart().startsWith('{')) {
    try {
      read = JSON.parse(value)
    } catch {
      return {}
    }
  }
  return typeof read === 'object' && read !== null && !Array.isArray(read) ? { ...read } : {}
}

function line({ status, age_turns, error }: CacheGetOutputs): string {
  if (error !== '') return error
  if (status === 'miss') return 'Nothing is cached under this key.'
  if (status === 'stale') return 'A value is cached, but the chat window has moved past it.'
  return age_turns < 0
    ? 'Found in the cache.'
    : `Found in the cache, set ${plural(age_turns, 'turn', 'turns')} ago.`
}

function failed(error: string): Report<CacheGetOutputs> {
  const outputs = { ...NEUTRAL, error }
  const { value_json: _, ...plain } = outputs
  return { outputs, json: plain, text: `The cache could not be read. ${error}` }
}

export const CacheGet = reporting(cacheGet)

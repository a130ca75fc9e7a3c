import { z } from 'zod'
import { CACHE_PARAMETERS, cachePlace } from './_cache.ts'
import type { Caller } from './_caller.ts'
import { integer, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'

export interface CacheSetOutputs {
  status: 'stored' | 'skipped' | 'error'
  error: string
}

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  ...CACHE_PARAMETERS,
  // As it comes: Dify sends text, other callers may send JSON values.
  value: z.unknown().optional(),
  ttl_s: integer(1).optional(),
}

const Answer = z.looseObject({ status: z.literal('stored') })

/**
 * Keeps a value. An empty one is not stored: it is what a failed node leaves behind, and would be served as a hit for
 * the rest of the window.
 */
export async function cacheSet(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<CacheSetOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const place = cachePlace(caller, read.values)
  if (!place.ok) return failed(place.message)
  const { value, ttl_s } = read.values
  if (value === undefined) {
    const outputs = { status: 'skipped' as const, error: '' }
    return { outputs, json: outputs, text: 'Nothing to keep: the value is empty.' }
  }
  const { path, conversation_id, turn, window_size } = place
  const answer = await callSidecar(caller.credentials, {
    method: 'PUT',
    path,
    body: { value, ttl_s, conversation_id, turn, window_size },
    deadlineMs: DEADLINE_MS.write,
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable('status'))
  const outputs = { status: body.data.status, error: '' }
  const { expires_at, serves_until_turn } = body.data
  const took_ms = { round_trip: answer.roundTripMs }
  return { outputs, json: { ...outputs, expires_at, serves_until_turn, took_ms }, text: 'Kept in the cache.' }
}

function failed(error: string): Report<CacheSetOutputs> {
  const outputs = { status: 'error' as const, error }
  return { outputs, json: outputs, text: `The value was not cached. ${error}` }
}

export const CacheSet = reporting(cacheSet)

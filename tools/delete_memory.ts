import { z } from 'zod'
import { type Caller, identify, refuseChange } from './_caller.ts'
import { MEMORY_ID, memoryPath } from './_memories.ts'
import { id, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'

export interface DeleteMemoryOutputs {
  status: 'deleted' | 'absent' | 'error'
  /** The text that was deleted. */
  memory: string
  error: string
}

const NEUTRAL: DeleteMemoryOutputs = { status: 'error', memory: '', error: '' }

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  memory_id: MEMORY_ID,
  user_id: id('the id of a user, such as sys.user_id').optional(),
}

const Answer = z.looseObject({
  status: z.literal('deleted'),
  memory: z.looseObject({ memory: z.string().catch('') }).catch({ memory: '' }),
})

/** Deletes one memory. One that is not there needs no deleting and is no error. */
export async function deleteMemory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<DeleteMemoryOutputs>> {
  const refusal = refuseChange(caller)
  if (refusal) return failed(refusal)
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const who = identify(caller, read.values.user_id)
  if (!who.ok) return failed(who.message)
  const place = memoryPath(read.values.memory_id)
  if (!place.ok) return failed(place.message)
  const answer = await callSidecar(caller.credentials, {
    method: 'DELETE',
    path: place.path,
    query: { user_id: who.userId },
    deadlineMs: DEADLINE_MS.write,
    repeatable: true,
  })
  const took_ms = { round_trip: answer.roundTripMs }
  if (!answer.ok && answer.failure.kind === 'absent') {
    const outputs = { ...NEUTRAL, status: 'absent' as const }
    return { outputs, json: { ...outputs, took_ms }, text: 'There is no such memory.' }
  }
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const outputs = { ...NEUTRAL, status: body.data.status, memory: body.data.memory.memory }
  return { outputs, json: { ...outputs, took_ms }, text: 'The memory was deleted.' }
}

function failed(error: string): Report<DeleteMemoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: outputs, text: `The memory was not deleted. ${error}` }
}

export const DeleteMemory = reporting(deleteMemory)

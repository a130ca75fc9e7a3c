import { z } from 'zod'
import { type Caller, identify, refuseChange } from './_caller.ts'
import { MEMORY_ID, memoryPath } from './_memories.ts'
import { id, integer, jsonObject, momentOrNever, name, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'

export interface UpdateMemoryOutputs {
  status: 'updated' | 'unchanged' | 'error'
  /** The text as it is now. */
  memory: string
  /** Counts up with each change; -1 when unknown. */
  version: number
  error: string
}

const NEUTRAL: UpdateMemoryOutputs = { status: 'error', memory: '', version: -1, error: '' }

const CHANGES = {
  memory: name('text').optional(),
  topic: name('the name of a topic').optional(),
  importance: integer(1, 5).optional(),
  expires_at: momentOrNever().optional(),
  metadata: jsonObject().optional(),
}

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  memory_id: MEMORY_ID,
  user_id: id('the id of a user, such as sys.user_id').optional(),
  ...CHANGES,
}

const Answer = z.looseObject({
  status: z.enum(['updated', 'unchanged']),
  memory: z
    .looseObject({ memory: z.string().catch(''), version: z.number().catch(-1) })
    .catch({ memory: '', version: -1 }),
})

/** Corrects one memory. What is not given stays as it is; the sidecar keeps the former version. */
export async function updateMemory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<UpdateMemoryOutputs>> {
  const refusal = refuseChange(caller)
  if (refusal) return failed(refusal)
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const { memory_id, user_id, ...changes } = read.values
  const who = identify(caller, user_id)
  if (!who.ok) return failed(who.message)
  const place = memoryPath(memory_id)
  if (!place.ok) return failed(place.message)
  if (Object.values(changes).every((value) => value === undefined))
    return failed(`Expected at least one of ${Object.keys(CHANGES).join(', ')}, came nothing.`)
  const answer = await callSidecar(caller.credentials, {
    method: 'PATCH',
    path: place.path,
    body: { user_id: who.userId, ...changes },
    deadlineMs: DEADLINE_MS.write,
    // The second time there is nothing left to change.
    repeatable: true,
  })
  if (!answer.ok) return failed(answer.failure.message)
  const body = Answer.safeParse(answer.body)
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const { status, memory: view } = body.data
  const outputs = { ...NEUTRAL, status, memory: view.memory, version: view.version }
  return {
    outputs,
    json: { ...outputs, took_ms: { round_trip: answer.roundTripMs } },
    text: status === 'updated' ? 'The memory was updated.' : 'The memory was like this already.',
  }
}

function failed(error: string): Report<UpdateMemoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: outputs, text: `The memory was not updated. ${error}` }
}

export const UpdateMemory = reporting(updateMemory)

import { z } from 'zod'
import { type Caller, identify } from './_caller.ts'
import { dayOf, fenced, oneLine } from './_context.ts'
import { MEMORY_ID, type MemoryItem, memoryPath, withoutNulls } from './_memories.ts'
import { id, readParameters } from './_parameters.ts'
import { type Report, reporting, unreadable } from './_report.ts'
import { callSidecar, DEADLINE_MS } from './_sidecar.ts'
import { plural } from './_words.ts'

export interface MemoryHistoryOutputs {
  /** Oldest first. `content` is one line that says what happened. */
  history: MemoryItem[]
  context: string
  count: number
  status: 'ok' | 'empty' | 'error'
  error: string
}

const NEUTRAL: MemoryHistoryOutputs = { history: [], context: '', count: 0, status: 'error', error: '' }

/** What is read of the node's parameters; the YAML beside this file declares the same. */
export const PARAMETERS = {
  memory_id: MEMORY_ID,
  user_id: id('the id of a user, such as sys.user_id').optional(),
}

const words = z.string().catch('')
const Change = z.looseObject({ event: words, before: words, after: words, reason: words })
const Answer = z.looseObject({ history: z.array(z.record(z.string(), z.unknown())) })

/** What became of one memory since it was first noted. An id that nobody knows has no history and is no error. */
export async function memoryHistory(
  given: Record<string, unknown>,
  caller: Caller,
): Promise<Report<MemoryHistoryOutputs>> {
  const read = readParameters(PARAMETERS, given)
  if (!read.ok) return failed(read.message)
  const who = identify(caller, read.values.user_id)
  if (!who.ok) return failed(who.message)
  const place = memoryPath(read.values.memory_id)
  if (!place.ok) return failed(place.message)
  const answer = await callSidecar(caller.credentials, {
    method: 'GET',
    path: `${place.path}/history`,
    query: { user_id: who.userId },
    deadlineMs: DEADLINE_MS.read,
    repeatable: true,
  })
  if (!answer.ok && answer.failure.kind !== 'absent') return failed(answer.failure.message)
  const body = Answer.safeParse(answer.ok ? answer.body : { history: [] })
  if (!body.success) return failed(unreadable(String(body.error.issues[0]?.path[0])))
  const history = body.data.history.map((change) => ({ ...withoutNulls(change), content: tell(change) }))
  const outputs: MemoryHistoryOutputs = {
    ...NEUTRAL,
    history,
    context: fenced(
      'What happened to one memory, oldest first.',
      history.map(({ content }) => `- ${content}`),
    ),
    count: history.length,
    status: history.length > 0 ? 'ok' : 'empty',
  }
  return { outputs, json: details(outputs, answer.roundTripMs), text: summary(outputs) }
}

/** `[2026-03-01] changed from "…" to "…" (reason: …)`. */
function tell(change: Record<string, unknown>): string {
  const { event, before, after, reason } = Change.parse(change)
  const day = dayOf(change['at'])
  const why = reason === '' ? '' : ` (reason: ${oneLine(reason)})`
  return `${day ? `[${day}] ` : ''}${happened(event, quote(before), quote(after))}${why}`
}

function happened(event: string, before: string, after: string): string {
  if (event === 'ADD') return `noted: ${after}`
  if (event === 'UPDATE' && before === after) return `details changed, still: ${after}`
  if (event === 'UPDATE') return `changed from ${before} to ${after}`
  if (event === 'DELETE') return `deleted: ${before}`
  if (event === 'RESTORE') return `restored: ${after}`
  return `${oneLine(event) || 'changed'}: ${after === '""' ? before : after}`
}

const quote = (text: string) => `"${oneLine(text)}"`

/** Context is left out: it holds the same lines. */
function details({ history, context: _, ...rest }: MemoryHistoryOutputs, round_trip: number): object {
  const lines = history.map(({ event, at, version, content }) => ({ event, at, version, content }))
  return { ...rest, history: lines, took_ms: { round_trip } }
}

function summary({ count }: MemoryHistoryOutputs): string {
  return count === 0 ? 'Nothing is known of this memory.' : `${plural(count, 'change', 'changes')}.`
}

function failed(error: string): Report<MemoryHistoryOutputs> {
  const outputs = { ...NEUTRAL, error }
  return { outputs, json: details(outputs, 0), text: `The history could not be read. ${error}` }
}

export const MemoryHistory = reporting(memoryHistory)

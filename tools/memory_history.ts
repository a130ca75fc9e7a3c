import { z } from 'zod'
import { toSingleLine } from '../sidecar/text/single-line.ts'
import { undefinedIfNotFound } from './shared/failure.ts'
import { MEMORY_ID, type MemoryItem, memoryPath, withoutNulls } from './shared/memories.ts'
import { defineNode } from './shared/node.ts'
import { id } from './shared/parameters.ts'
import { datePrefix, fence, plural } from './shared/text.ts'

const text = z.string().catch('')
const Change = z.looseObject({ event: text, before: text, after: text, reason: text })
const Answer = z.looseObject({ history: z.array(z.record(z.string(), z.unknown())) })

/** Lists the changes of one memory, oldest first. An unknown id has an empty history and is not an error. */
export const memoryHistory = defineNode({
  name: 'memory_history',
  parameters: {
    memory_id: MEMORY_ID,
    user_id: id('the id of a user, such as sys.user_id').optional(),
  },
  outputs: { history: [] as MemoryItem[], context: '', count: 0, status: 'error', error: '' },
  jsonOutputs: ['history', 'count', 'status', 'error'],
  failureText: 'The history could not be read.',
  async run({ memory_id, user_id }, call) {
    const path = `${memoryPath(memory_id)}/history`
    const answer = await call
      .ask(Answer, { method: 'GET', path, query: { user_id } })
      .catch(undefinedIfNotFound)
    const history = (answer?.history ?? []).map((change) => ({
      ...withoutNulls(change),
      content: describeChange(change),
    }))
    const count = history.length
    return {
      outputs: {
        history,
        context: fence(
          'Changes of one memory, oldest first.',
          history.map(({ content }) => `- ${content}`),
        ),
        count,
        status: count > 0 ? 'ok' : 'empty',
      },
      details: {
        history: history.map(({ event, at, version, content }: MemoryItem) => ({
          event,
          at,
          version,
          content,
        })),
      },
      text: count === 0 ? 'There is no such memory.' : `${plural(count, 'change', 'changes')}.`,
    }
  },
})

/** `[2026-03-01] changed from "…" to "…" (reason: …)`. */
function describeChange(change: Record<string, unknown>): string {
  const { event, before, after, reason } = Change.parse(change)
  const because = reason === '' ? '' : ` (reason: ${toSingleLine(reason)})`
  return `${datePrefix(change['at'])}${describeEvent(event, quote(before), quote(after))}${because}`
}

function describeEvent(event: string, before: string, after: string): string {
  if (event === 'ADD') return `added: ${after}`
  if (event === 'UPDATE' && before === after) return `details changed, text unchanged: ${after}`
  if (event === 'UPDATE') return `changed from ${before} to ${after}`
  if (event === 'DELETE') return `deleted: ${before}`
  if (event === 'RESTORE') return `restored: ${after}`
  return `${toSingleLine(event) || 'changed'}: ${after === '""' ? before : after}`
}

const quote = (words: string) => `"${toSingleLine(words)}"`

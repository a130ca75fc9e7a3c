import { z } from '@hono/zod-openapi'
import type { Message } from '../../memory/model/turns.ts'
import { type ChatRole, readContent, readRole } from '../../text/chat-message.ts'
import { MAX_MESSAGE_LENGTH } from '../../text/cleaning/lengths.ts'
import { parseLocalTime } from '../../text/local-time.ts'
import * as s from './schemas.ts'

const ROLE_ERROR = 'expected one of "user", "assistant", "system", "developer", "tool"'

const role = z
  .string({ error: ROLE_ERROR })
  .transform((given, context): ChatRole | null => {
    const read = readRole(given)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: ROLE_ERROR })
    return z.NEVER
  })
  .openapi({
    type: 'string',
    enum: ['user', 'assistant', 'system', 'developer', 'tool'],
    description: 'developer counts as system. Messages of tools are not stored.',
  })

const content = z
  .unknown()
  .transform((given, context): string => {
    const read = readContent(given)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: 'expected a string, a list of content parts or null' })
    return z.NEVER
  })
  .openapi({
    type: 'string',
    description:
      'The text, or a list of content parts such as {"type":"text","text":"…"}, of which only texts are read. A message without text, such as a tool call, is not stored.',
    example: 'I moved to Kyoto and I am allergic to peanuts.',
  })

/** Accepted, because chat APIs send it, and not read. */
const ignored = (type: 'string' | 'object') =>
  z.unknown().optional().openapi({ type, description: 'Not read.' })
const ignoredList = z
  .unknown()
  .optional()
  .openapi({ type: 'array', items: { type: 'object' }, description: 'Not read.' })

const message = z.strictObject({
  role,
  content: content.optional(),
  tool_calls: ignoredList,
  tool_call_id: ignored('string'),
  function_call: ignored('object'),
  refusal: ignored('string'),
  annotations: ignoredList,
  audio: ignored('object'),
  reasoning_content: ignored('string'),
  name: s.identifier('Name of the speaker; default: the role.', 'Ada').optional(),
  at: s
    .time(
      'When it was said; default: now. Its UTC offset decides the local date; with Z, the rules of the app do.',
    )
    .optional(),
})

/** The messages of a turn, as chat APIs write them. */
export const chatMessages = z
  .array(message)
  .min(1, { error: 'expected at least one message' })
  .max(1000, { error: 'expected at most 1000 messages' })
  .describe(
    `Messages of the turn in order: 1 to 1000. A message of more than ${MAX_MESSAGE_LENGTH} characters is stored in pieces.`,
  )

/** Leaves out messages without text and those of tools. */
export function toMessages(messages: z.output<typeof chatMessages>): Message[] {
  return messages.flatMap(({ role, content = '', name, at }) => {
    if (role === null || content.trim() === '') return []
    const time = at === undefined ? {} : parseLocalTime(at)
    return [{ role, content, ...(name === undefined ? {} : { name }), ...time }]
  })
}

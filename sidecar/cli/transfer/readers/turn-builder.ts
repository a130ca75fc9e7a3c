import { createHash } from 'node:crypto'
import { readContent, readRole } from '../../../text/chat-message.ts'
import { toIso } from '../input/dates.ts'
import {
  type Entry,
  type Fields,
  firstId,
  firstValue,
  InvalidEntry,
  isObject,
  type MessageBody,
  optional,
  preview,
  type TurnBody,
} from '../input/entry.ts'

/** Field names of message dates. */
const DATE_FIELDS = ['at', 'created_at', 'createdAt', 'timestamp', 'create_time', 'date'] as const

/** Most messages per turn that the API accepts. */
const MAX_MESSAGES = 1000

/** A message for the API, or why the message is left out. */
type ReadMessage = { message: MessageBody } | { omitted: string }

/**
 * Converts a message for the API. A message of a tool and one without text (a tool call, an image) are left out.
 * @param date used for a message without a date
 * @throws {InvalidEntry}
 */
export function toMessage(value: unknown, date: string): ReadMessage {
  if (!isObject(value)) {
    throw new InvalidEntry(`expected a message with role and content, got ${preview(value)}`)
  }
  const role = readRole(value['role'])
  if (role === undefined) {
    throw new InvalidEntry(`role: expected user, assistant or system, got ${preview(value['role'])}`)
  }
  const content = readContent(value['content'])
  if (content === undefined) {
    throw new InvalidEntry(`content: expected text, got ${preview(value['content'])}`)
  }
  if (role === null) return { omitted: `a message of role ${preview(value['role'])}` }
  if (content.trim() === '') return { omitted: 'a message without text' }
  return { message: { role, content, ...optional('name', firstId(value, 'name')), at: dateOf(value, date) } }
}

/** @throws {InvalidEntry} for an invalid date */
export function dateOf(value: Fields, fallback: string): string {
  const date = firstValue(value, ...DATE_FIELDS)
  return date === undefined ? fallback : toIso(date)
}

/** Fields of a turn that may be given on the conversation or on a message. */
export function sharedFields(value: Fields): Omit<TurnBody, 'messages' | 'conversation_id' | 'turn'> {
  const metadata = value['metadata']
  return {
    ...optional('agent_id', firstId(value, 'agent_id', 'agentId')),
    ...optional('run_id', firstId(value, 'run_id', 'runId')),
    ...optional('app_id', firstId(value, 'app_id', 'appId')),
    ...optional('metadata', isObject(metadata) ? flatMetadata(metadata) : undefined),
  }
}

/** Metadata for the API; nested values become JSON text. */
export function flatMetadata(metadata: Fields): Record<string, unknown> {
  const isScalar = (one: unknown) => one === null || ['string', 'number', 'boolean'].includes(typeof one)
  const isFlat = (one: unknown) => isScalar(one) || (Array.isArray(one) && one.every(isScalar))
  return Object.fromEntries(
    Object.entries(metadata).map(([key, one]) => [key, isFlat(one) ? one : JSON.stringify(one)]),
  )
}

/**
 * Groups the messages of one conversation into turns. A message that names its turn belongs to that turn; otherwise each
 * user message starts a turn.
 */
export function turnBuilder(conversation_id: string, userId: string | null) {
  let open: { line: number; turn: number | undefined; messages: MessageBody[]; shared: Fields } | undefined
  let last = 0

  /** Ends the open turn. A turn of system messages only is left out. */
  function end(): Entry[] {
    if (!open) return []
    const { line, messages, shared, turn = last + 1 } = open
    open = undefined
    if (!hasConversation(messages)) {
      return [{ kind: 'omission', line, reason: 'a turn of system messages only' }]
    }
    last = Math.max(last, turn)
    return [{ kind: 'turn', line, userId, body: { messages, conversation_id, turn, ...shared } }]
  }

  /** Adds a message. Returns the turn that this message ends, if any. */
  function push(message: MessageBody, line: number, shared: Fields, turn: number | undefined): Entry[] {
    const startsTurn =
      !open ||
      open.messages.length >= MAX_MESSAGES ||
      (turn !== undefined
        ? turn !== (open.turn ?? last + 1)
        : message.role !== 'assistant' && hasConversation(open.messages))
    const ended = startsTurn ? end() : []
    open ??= { line, turn, messages: [], shared }
    open.messages.push(message)
    open.shared = { ...open.shared, ...shared }
    return ended
  }

  return { push, end }
}

export type TurnBuilder = ReturnType<typeof turnBuilder>

function hasConversation(messages: readonly MessageBody[]): boolean {
  return messages.some(({ role }) => role !== 'system')
}

/** A key that depends only on the content. */
export function idempotencyKey(...parts: readonly (string | undefined)[]): string {
  return `import-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)}`
}

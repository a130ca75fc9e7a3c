import { createHash } from 'node:crypto'
import { BadDate, toIso } from '../dates.ts'
import {
  type Entry,
  type Fields,
  firstOf,
  idOf,
  isObject,
  type MessageBody,
  optional,
  show,
  type TurnBody,
} from '../entry.ts'

const ROLES: Readonly<Record<string, MessageBody['role'] | null>> = {
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  ai: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  system: 'system',
  developer: 'system',
  // What tools said is not what anybody said.
  tool: null,
  function: null,
}

/** Names that dates of messages go by. */
export const DATES = ['at', 'created_at', 'createdAt', 'timestamp', 'create_time', 'date'] as const

/** Most messages of one turn that the API takes. */
const MAX_MESSAGES = 1000

/** A message that cannot be used; the text says why. */
export class BadMessage extends Error {}

/**
 * A message as the API takes it; `undefined` for one without words (a call of a tool, its result, an image).
 * @param date for a message that carries none
 * @throws {BadMessage}
 */
export function toMessage(value: unknown, date: string): MessageBody | undefined {
  if (!isObject(value)) throw new BadMessage(`expected a message with role and content, got ${show(value)}`)
  const given = value['role']
  const role = typeof given === 'string' ? ROLES[given.toLowerCase()] : undefined
  if (role === undefined) throw new BadMessage(`role: expected user, assistant or system, got ${show(given)}`)
  const content = textOf(value['content'])
  if (content === undefined) throw new BadMessage(`content: expected a text, got ${show(value['content'])}`)
  if (role === null || content.trim() === '') return undefined
  return { role, content, ...optional('name', idOf(value, 'name')), at: dateOf(value, date) }
}

/** @throws {BadMessage} for a date that cannot be read */
export function dateOf(value: Fields, otherwise: string): string {
  const date = firstOf(value, ...DATES)
  if (date === undefined) return otherwise
  try {
    return toIso(date)
  } catch (error) {
    if (error instanceof BadDate) throw new BadMessage(error.message)
    throw error
  }
}

/** A text, or the texts among the parts of a message (OpenAI's list of `{type, text}`). */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (content === null || content === undefined) return ''
  if (!Array.isArray(content)) return undefined
  const texts = content.flatMap((part: unknown) =>
    typeof part === 'string'
      ? [part]
      : isObject(part) && typeof part['text'] === 'string'
        ? [part['text']]
        : [],
  )
  return texts.join('\n')
}

/** What belongs to a turn as such and may stand at the conversation or at a message. */
export function sharedFields(value: Fields): Omit<TurnBody, 'messages' | 'conversation_id' | 'turn'> {
  const metadata = value['metadata']
  return {
    ...optional('agent_id', idOf(value, 'agent_id', 'agentId')),
    ...optional('run_id', idOf(value, 'run_id', 'runId')),
    ...optional('app_id', idOf(value, 'app_id', 'appId')),
    ...optional('metadata', isObject(metadata) ? flatMetadata(metadata) : undefined),
  }
}

/** Metadata as the API takes it: what is nested is kept as JSON text. */
export function flatMetadata(metadata: Fields): Record<string, unknown> {
  const isScalar = (one: unknown) => one === null || ['string', 'number', 'boolean'].includes(typeof one)
  return Object.fromEntries(
    Object.entries(metadata).map(([key, one]) => [
      key,
      isScalar(one) || (Array.isArray(one) && one.every(isScalar)) ? one : JSON.stringify(one),
    ]),
  )
}

/**
 * Puts the messages of one conversation together to turns: what the user said with what was answered. A message that
 * names its turn is of that turn; otherwise a turn begins with each message of the user.
 */
export class TurnMaker {
  readonly #conversationId: string
  readonly #userId: string | null
  #open: { line: number; turn: number | undefined; messages: MessageBody[]; shared: Fields } | undefined
  #last = 0

  constructor(conversationId: string, userId: string | null) {
    this.#conversationId = conversationId
    this.#userId = userId
  }

  /** Takes a message in, and hands out the turn that it ends. */
  push(message: MessageBody, line: number, shared: Fields, turn: number | undefined): Entry[] {
    const open = this.#open
    const begins =
      !open ||
      open.messages.length >= MAX_MESSAGES ||
      (turn !== undefined
        ? turn !== (open.turn ?? this.#last + 1)
        : message.role !== 'assistant' && isSpoken(open.messages))
    const ended = begins ? this.end() : []
    this.#open ??= { line, turn, messages: [], shared }
    this.#open.messages.push(message)
    this.#open.shared = { ...this.#open.shared, ...shared }
    return ended
  }

  /** The turn that is not ended, if it says anything. */
  end(): Entry[] {
    const open = this.#open
    this.#open = undefined
    if (!open || !isSpoken(open.messages)) return []
    const turn = open.turn ?? this.#last + 1
    this.#last = Math.max(this.#last, turn)
    const body = { messages: open.messages, conversation_id: this.#conversationId, turn, ...open.shared }
    return [{ kind: 'turn', line: open.line, userId: this.#userId, body }]
  }
}

function isSpoken(messages: readonly MessageBody[]): boolean {
  return messages.some(({ role }) => role !== 'system')
}

/** A key that is the same each time that the same is read. */
export function keyOf(...parts: readonly (string | undefined)[]): string {
  return `import-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40)}`
}

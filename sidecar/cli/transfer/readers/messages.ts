import { readElements } from '../input/elements.ts'
import {
  convert,
  type Entry,
  type Fields,
  firstId,
  InvalidEntry,
  isObject,
  preview,
  type Source,
  toProblem,
  UnreadableFile,
} from '../input/entry.ts'
import { dateOf, sharedFields, type TurnBuilder, toMessage, turnBuilder } from './turn-builder.ts'

/** Most conversations in a file of single messages; each needs a turn counter in memory. */
const MAX_CONVERSATIONS = 500_000

/** Most turns that may wait for further messages; beyond it the least recently extended turn is ended. */
const MAX_OPEN_TURNS = 10_000

/**
 * Reads single messages, of several conversations in any order, or whole conversations (`{messages: […]}` as for OpenAI,
 * or a bare list). A conversation without an id is named after the file and its position in it; a message without a date
 * gets that of the conversation, or of the file.
 */
export async function* readMessages(source: Source): AsyncGenerator<Entry> {
  const conversations = new Conversations(source.name)
  yield* convert(readElements(source), (value, line, position) => {
    if (Array.isArray(value) || (isObject(value) && Array.isArray(value['messages']))) {
      return readConversation(value, `${source.name}#${position}`, line, source.date)
    }
    return readMessage(value as Fields, line, source, conversations)
  })
  yield* conversations.end()
}

function readMessage(value: Fields, line: number, source: Source, conversations: Conversations): Entry[] {
  const read = toMessage(value, source.date)
  if ('omitted' in read) return [{ kind: 'omission', line, reason: read.omitted }]
  const turn = turnOf(value)
  const id = firstId(value, 'conversation_id', 'conversationId') ?? source.name
  const { builder, ended } = conversations.open(id, firstId(value, 'user_id', 'userId') ?? null)
  return [...ended, ...builder.push(read.message, line, sharedFields(value), turn)]
}

/** The conversations in a file of single messages. */
class Conversations {
  readonly #fileName: string
  readonly #all = new Map<string, TurnBuilder>()
  /** Builders with an open turn, least recently extended first. */
  readonly #open = new Set<TurnBuilder>()

  constructor(fileName: string) {
    this.#fileName = fileName
  }

  open(conversationId: string, userId: string | null): { builder: TurnBuilder; ended: Entry[] } {
    const key = JSON.stringify([userId, conversationId])
    let builder = this.#all.get(key)
    if (!builder) {
      if (this.#all.size === MAX_CONVERSATIONS) {
        const limit = `${MAX_CONVERSATIONS} conversations`
        throw new UnreadableFile(`${this.#fileName} has more than ${limit}; split the file`)
      }
      builder = turnBuilder(conversationId, userId)
      this.#all.set(key, builder)
    }
    this.#open.delete(builder)
    this.#open.add(builder)
    const [oldest] = this.#open
    if (this.#open.size <= MAX_OPEN_TURNS || !oldest) return { builder, ended: [] }
    this.#open.delete(oldest)
    return { builder, ended: oldest.end() }
  }

  *end(): Generator<Entry> {
    for (const builder of this.#open) yield* builder.end()
  }
}

/** @throws {InvalidEntry} for an invalid date of the conversation; invalid messages are yielded as problems */
function* readConversation(
  value: Fields | readonly unknown[],
  name: string,
  line: number,
  fileDate: string,
): Generator<Entry> {
  const fields: Fields = isObject(value) ? value : {}
  const messages = (isObject(value) ? value['messages'] : value) as readonly unknown[]
  const first: Fields = messages.find(isObject) ?? {}
  const ownId = firstId(fields, 'conversation_id', 'conversationId', 'id')
  const id = ownId ?? firstId(first, 'conversation_id', 'conversationId') ?? name
  const userId = firstId(fields, 'user_id', 'userId', 'user') ?? firstId(first, 'user_id', 'userId') ?? null
  const builder = turnBuilder(id, userId)
  let date = dateOf(fields, fileDate)
  for (const [i, given] of messages.entries()) {
    try {
      const read = toMessage(given, date)
      if ('omitted' in read) {
        yield { kind: 'omission', line, reason: `messages[${i}]: ${read.omitted}` }
        continue
      }
      const { message } = read
      // A message without a date gets that of the message before it.
      date = message.at
      const shared = { ...sharedFields(fields), ...sharedFields(given as Fields) }
      yield* builder.push(message, line, shared, turnOf(given as Fields))
    } catch (error) {
      yield toProblem(error, line, `messages[${i}].`)
    }
  }
  yield* builder.end()
}

/** @throws {InvalidEntry} */
function turnOf(value: Fields): number | undefined {
  const turn = value['turn'] ?? undefined
  if (turn === undefined) return undefined
  if (typeof turn === 'number' && Number.isSafeInteger(turn) && turn >= 0) return turn
  throw new InvalidEntry(`turn: expected an integer ≥ 0, got ${preview(turn)}`)
}

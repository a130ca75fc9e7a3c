import { readElements } from '../elements.ts'
import {
  type Entry,
  type Fields,
  idOf,
  isObject,
  optional,
  type Source,
  show,
  UnreadableFile,
} from '../entry.ts'
import { BadMessage, dateOf, sharedFields, TurnMaker, toMessage } from './turns.ts'

/** Most conversations of a file of single messages whose turns are counted at once. */
const MAX_CONVERSATIONS = 500_000

/** Turns that may be waiting for their answer at once: the longest quiet are taken to have none. */
const MAX_OPEN = 10_000

/**
 * Messages one by one, which may be of several conversations in any mixture, or whole conversations
 * (`{messages: […]}`, as for OpenAI, or a bare list). Without an identifier of its own a conversation goes by the name
 * of the file and its place in it; without a date a message is of the conversation's, or of the file's.
 */
export async function* readMessages(source: Source): AsyncGenerator<Entry> {
  const makers = new Makers(source.name)
  let nth = 0
  for await (const element of readElements(source)) {
    nth += 1
    const { line } = element
    if ('problem' in element) {
      yield { kind: 'problem', line, reason: element.problem }
      continue
    }
    const conversation = toConversation(element.value)
    if (conversation) {
      yield* readConversation(conversation, `${source.name}#${nth}`, line, source.date)
      continue
    }
    try {
      yield* readOne(element.value as Fields, line, source, makers)
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      yield { kind: 'problem', line, reason: error.message }
    }
  }
  yield* makers.end()
}

function readOne(value: Fields, line: number, source: Source, makers: Makers): Entry[] {
  const message = toMessage(value, source.date)
  if (!message) return []
  const turn = turnOf(value)
  const id = idOf(value, 'conversation_id', 'conversationId') ?? source.name
  const { maker, ended } = makers.of(id, idOf(value, 'user_id', 'userId') ?? null)
  return [...ended, ...maker.push(message, line, sharedFields(value), turn)]
}

/** The conversations of a file of single messages. */
class Makers {
  readonly #fileName: string
  readonly #all = new Map<string, TurnMaker>()
  /** Those with a turn that is not ended, the longest quiet first. */
  readonly #open = new Set<TurnMaker>()

  constructor(fileName: string) {
    this.#fileName = fileName
  }

  of(conversationId: string, userId: string | null): { maker: TurnMaker; ended: Entry[] } {
    const key = JSON.stringify([userId, conversationId])
    let maker = this.#all.get(key)
    if (!maker) {
      if (this.#all.size === MAX_CONVERSATIONS) {
        throw new UnreadableFile(
          `${this.#fileName} has more than ${MAX_CONVERSATIONS} conversations; split it`,
        )
      }
      maker = new TurnMaker(conversationId, userId)
      this.#all.set(key, maker)
    }
    this.#open.delete(maker)
    this.#open.add(maker)
    const [quiet] = this.#open
    if (this.#open.size <= MAX_OPEN || !quiet) return { maker, ended: [] }
    this.#open.delete(quiet)
    return { maker, ended: quiet.end() }
  }

  *end(): Generator<Entry> {
    for (const maker of this.#open) yield* maker.end()
  }
}

interface Conversation {
  fields: Fields
  messages: readonly unknown[]
}

function toConversation(value: unknown): Conversation | undefined {
  if (Array.isArray(value)) return { fields: {}, messages: value }
  if (!isObject(value) || !Array.isArray(value['messages'])) return undefined
  return { fields: value, messages: value['messages'] }
}

function* readConversation(
  { fields, messages }: Conversation,
  name: string,
  line: number,
  fileDate: string,
): Generator<Entry> {
  const first: Fields = messages.find(isObject) ?? {}
  const id =
    idOf(fields, 'conversation_id', 'conversationId', 'id') ??
    idOf(first, 'conversation_id', 'conversationId') ??
    name
  const userId = idOf(fields, 'user_id', 'userId', 'user') ?? idOf(first, 'user_id', 'userId') ?? null
  const maker = new TurnMaker(id, userId)
  let date = fileDate
  try {
    date = dateOf(fields, fileDate)
  } catch (error) {
    yield { kind: 'problem', line, reason: (error as Error).message }
    return
  }
  for (const [i, value] of messages.entries()) {
    try {
      const message = toMessage(value, date)
      if (!message) continue
      // What carries no date was said after what stands before it.
      date = message.at
      const given = value as Fields
      yield* maker.push(message, line, { ...sharedFields(fields), ...sharedFields(given) }, turnOf(given))
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      yield { kind: 'problem', line, reason: `messages[${i}].${error.message}` }
    }
  }
  yield* maker.end()
}

/** @throws {BadMessage} */
function turnOf(value: Fields): number | undefined {
  const { turn } = optional('turn', value['turn'] ?? undefined)
  if (turn === undefined) return undefined
  if (typeof turn === 'number' && Number.isSafeInteger(turn) && turn >= 1) return turn
  throw new BadMessage(`turn: expected a whole number from 1, got ${show(turn)}`)
}

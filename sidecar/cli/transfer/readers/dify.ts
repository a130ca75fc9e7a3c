import { readCsv } from '../input/csv.ts'
import { readElements } from '../input/elements.ts'
import {
  convert,
  type Entry,
  type Fields,
  firstId,
  firstValue,
  InvalidEntry,
  isObject,
  type Source,
} from '../input/entry.ts'
import { MessageSpool } from './message-spool.ts'
import { dateOf, idempotencyKey, sharedFields } from './turn-builder.ts'

/**
 * Reads what Dify exports of its conversations:
 * - pages of `GET /messages` of the service API (`{data: [{id, conversation_id, query, answer, created_at,
 *   parent_message_id}]}`), in any order, as one JSON file, as JSON Lines, or the messages alone;
 * - annotations (CSV: Question, Answer) and feedback (CSV, or JSON with `feedback_data`).
 *
 * Turns get the numbers of `sys.dialogue_count`; regenerated answers are skipped. Annotations and feedback become single
 * turns without a conversation, because the file does not contain the surrounding messages.
 */
export async function* readDify(source: Source): AsyncGenerator<Entry> {
  using spool = new MessageSpool()
  const elements = /\.csv$/i.test(source.path) ? readCsv(source) : readElements(source)
  yield* convert(elements, (value, line) => readRow(value, line, source, spool), 'data', 'feedback_data')
  // Pages are ordered newest first, so turns can only be numbered after the last page.
  for (const { conversationId, userId, messages } of spool.conversations()) {
    const thread = threadOf(messages)
    for (const { line } of messages.filter((message) => !thread.includes(message))) {
      yield { kind: 'omission', line, reason: 'an answer that was generated again' }
    }
    for (const [i, { line, value }] of thread.entries()) {
      const body = {
        ...toTurn(value, dateOf(value, source.date)),
        conversation_id: conversationId,
        turn: i + 1,
      }
      yield { kind: 'turn', line, userId, body }
    }
  }
}

function readRow(value: unknown, line: number, source: Source, spool: MessageSpool): Entry[] {
  if (!isObject(value)) throw new InvalidEntry('expected a Dify message')
  const { row, isSingleTurn } = normaliseNames(value)
  const [query, answer] = [textIn(row, 'query'), textIn(row, 'answer')]
  if (query === '' && answer === '') throw new InvalidEntry('expected query or answer, got neither')
  const date = dateOf(row, source.date)
  const userId = firstId(row, 'user_id', 'user', 'from_end_user_session_id') ?? null
  const id = firstId(row, 'id')
  const conversationId = firstId(row, 'conversation_id')
  if (!isSingleTurn && id !== undefined && conversationId !== undefined) {
    const parent = firstId(row, 'parent_message_id') ?? null
    const earlier = spool.put({ conversationId, userId, id, parent, at: Date.parse(date), line, value: row })
    if (earlier === undefined) return []
    return [{ kind: 'omission', line: earlier, reason: `the message occurs again on line ${line}` }]
  }
  const metadata = conversationId === undefined ? {} : { metadata: { dify_conversation_id: conversationId } }
  const key = idempotencyKey('dify', id, query, answer)
  return [{ kind: 'turn', line, userId, body: { ...toTurn(row, date), ...metadata }, key }]
}

/** Renames the fields of annotations and feedback to those of the service API. */
function normaliseNames(value: Fields): { row: Fields; isSingleTurn: boolean } {
  if ('feedback_id' in value) {
    const { conversation_id, app_id, message_id: id, message_date: created_at } = value
    const { user_query: query, ai_response: answer } = value
    return { row: { id, query, answer, created_at, conversation_id, app_id }, isSingleTurn: true }
  }
  const query = firstValue(value, 'question', '问题')
  if (query === undefined) return { row: value, isSingleTurn: false }
  return { row: { ...value, query, answer: firstValue(value, 'answer', '答案') ?? '' }, isSingleTurn: true }
}

function toTurn(row: Fields, date: string) {
  const said = [
    { role: 'user', content: textIn(row, 'query'), at: date },
    { role: 'assistant', content: textIn(row, 'answer'), at: date },
  ] as const
  const { metadata: _, ...shared } = sharedFields(row)
  return { messages: said.filter(({ content }) => content !== ''), ...shared }
}

function textIn(row: Fields, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** `parent_message_id` of messages from Dify's service API: the parent is the preceding message. */
const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * The current thread of a conversation, oldest first. When an answer is regenerated, Dify keeps both messages under one
 * parent; the thread consists of the newest message and its ancestors. `messages` are oldest first.
 */
export function threadOf<T extends { id: string; parent: string | null }>(messages: readonly T[]): T[] {
  // Older versions of Dify export no parents.
  if (messages.every(({ parent }) => parent === null)) return [...messages]
  const known = new Set(messages.map(({ id }) => id))
  const thread: T[] = []
  let wanted: string = NIL
  for (const message of messages.toReversed()) {
    if (wanted !== NIL && message.id !== wanted) continue
    thread.push(message)
    if (message.parent === null) break
    // If the file lacks the parent, the preceding message is taken for it.
    wanted = known.has(message.parent) ? message.parent : NIL
  }
  return thread.reverse()
}

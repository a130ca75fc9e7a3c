import { readCsv } from '../input/csv.ts'
import { type Element, readElements } from '../input/elements.ts'
import { type Entry, type Fields, firstId, firstValue, isObject, type Source } from '../input/entry.ts'
import { MessageSpool } from './message-spool.ts'
import { threadOf } from './thread.ts'
import { dateOf, InvalidMessage, idempotencyKey, sharedFields } from './turn-builder.ts'

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
  for await (const row of rowsOf(source)) {
    const { line } = row
    if (!('value' in row && isObject(row.value))) {
      yield { kind: 'problem', line, reason: 'problem' in row ? row.problem : 'expected a Dify message' }
      continue
    }
    try {
      yield* readRow(row.value, line, source, spool)
    } catch (error) {
      if (!(error instanceof InvalidMessage)) throw error
      yield { kind: 'problem', line, reason: error.message }
    }
  }
  // Pages are ordered newest first, so turns can only be numbered after the last page.
  for (const { conversationId, userId, messages } of spool.conversations()) {
    for (const [i, { line, value, at }] of threadOf(messages).entries()) {
      const body = { ...toTurn(value, at), conversation_id: conversationId, turn: i + 1 }
      yield { kind: 'turn', line, userId, body }
    }
  }
}

function* readRow(value: Fields, line: number, source: Source, spool: MessageSpool): Generator<Entry> {
  const { row, isSingleTurn } = normaliseNames(value)
  if (textIn(row, 'query') === '' && textIn(row, 'answer') === '') {
    throw new InvalidMessage('expected query or answer, got neither')
  }
  const at = dateOf(row, source.date)
  const userId = firstId(row, 'user_id', 'user', 'from_end_user_session_id') ?? null
  const id = firstId(row, 'id')
  const conversationId = firstId(row, 'conversation_id')
  if (!isSingleTurn && id !== undefined && conversationId !== undefined) {
    const parent = firstId(row, 'parent_message_id') ?? null
    spool.put({ conversationId, userId, id, parent, at: Date.parse(at), line, value: row })
    return
  }
  const metadata = conversationId === undefined ? {} : { metadata: { dify_conversation_id: conversationId } }
  const key = idempotencyKey('dify', id, textIn(row, 'query'), textIn(row, 'answer'))
  yield { kind: 'turn', line, userId, body: { ...toTurn(row, Date.parse(at)), ...metadata }, key }
}

/** Renames the fields of annotations and feedback to those of the service API. */
function normaliseNames(value: Fields): { row: Fields; isSingleTurn: boolean } {
  if ('feedback_id' in value) {
    const row = {
      id: value['message_id'],
      query: value['user_query'],
      answer: value['ai_response'],
      created_at: value['message_date'],
      conversation_id: value['conversation_id'],
      app_id: value['app_id'],
    }
    return { row, isSingleTurn: true }
  }
  const query = firstValue(value, 'question', '问题')
  if (query === undefined) return { row: value, isSingleTurn: false }
  return { row: { ...value, query, answer: firstValue(value, 'answer', '答案') ?? '' }, isSingleTurn: true }
}

function toTurn(row: Fields, at: number) {
  const date = new Date(at).toISOString()
  const roles = [
    ['user', textIn(row, 'query')],
    ['assistant', textIn(row, 'answer')],
  ] as const
  const messages = roles
    .filter(([, content]) => content !== '')
    .map(([role, content]) => ({ role, content, at: date }))
  const { metadata: _, ...shared } = sharedFields(row)
  return { messages, ...shared }
}

function textIn(row: Fields, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? value.trim() : ''
}

async function* rowsOf(source: Source): AsyncGenerator<Element> {
  const elements = /\.csv$/i.test(source.path) ? readCsv(source) : readElements(source)
  for await (const element of elements) {
    const value = 'value' in element ? element.value : undefined
    const page = isObject(value) ? firstValue(value, 'data', 'feedback_data') : value
    if (Array.isArray(page)) for (const one of page) yield { line: element.line, value: one }
    else yield element
  }
}

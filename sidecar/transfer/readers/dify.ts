import { readCsv } from '../csv.ts'
import { type Element, readElements } from '../elements.ts'
import { type Entry, type Fields, firstOf, idOf, isObject, type Source } from '../entry.ts'
import { Spool } from './spool.ts'
import { threadOf } from './thread.ts'
import { BadMessage, dateOf, keyOf, sharedFields } from './turns.ts'

/**
 * What Dify hands out of its conversations:
 * - pages of `GET /messages` of the service API (`{data: [{id, conversation_id, query, answer, created_at,
 *   parent_message_id}]}`), in any order, as one JSON file, as JSON Lines, or their messages alone;
 * - the export of annotations (CSV: Question, Answer) and of feedback (CSV, or JSON with `feedback_data`).
 *
 * Turns get the numbers that `sys.dialogue_count` had; what was regenerated is left out. Annotations and feedback are
 * single turns of no conversation, since what was said around them is not in the file.
 */
export async function* readDify(source: Source): AsyncGenerator<Entry> {
  using spool = new Spool()
  for await (const row of rowsOf(source)) {
    const { line } = row
    if (!('value' in row && isObject(row.value))) {
      yield { kind: 'problem', line, reason: 'problem' in row ? row.problem : 'expected a message of Dify' }
      continue
    }
    try {
      yield* readRow(row.value, line, source, spool)
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error
      yield { kind: 'problem', line, reason: error.message }
    }
  }
  // The pages come newest first: nothing can be counted before all of them have been read.
  for (const { conversationId, userId, messages } of spool.conversations()) {
    for (const [i, { line, value, at }] of threadOf(messages).entries()) {
      const body = { ...toTurn(value, at), conversation_id: conversationId, turn: i + 1 }
      yield { kind: 'turn', line, userId, body }
    }
  }
}

function* readRow(value: Fields, line: number, source: Source, spool: Spool): Generator<Entry> {
  const { row, isSingle } = named(value)
  if (text(row, 'query') === '' && text(row, 'answer') === '') {
    throw new BadMessage('expected query and answer, got neither')
  }
  const at = dateOf(row, source.date)
  const userId = idOf(row, 'user_id', 'user', 'from_end_user_session_id') ?? null
  const id = idOf(row, 'id')
  const conversationId = idOf(row, 'conversation_id')
  if (!isSingle && id !== undefined && conversationId !== undefined) {
    const parent = idOf(row, 'parent_message_id') ?? null
    spool.put({ conversationId, userId, id, parent, at: Date.parse(at), line, value: row })
    return
  }
  const metadata = conversationId === undefined ? {} : { metadata: { dify_conversation_id: conversationId } }
  const key = keyOf('dify', id, text(row, 'query'), text(row, 'answer'))
  yield { kind: 'turn', line, userId, body: { ...toTurn(row, Date.parse(at)), ...metadata }, key }
}

/** A row by the names of the service API. */
function named(value: Fields): { row: Fields; isSingle: boolean } {
  if ('feedback_id' in value) {
    const { user_query, ai_response, message_id, message_date, conversation_id, app_id } = value as Record<
      string,
      unknown
    >
    const row = {
      id: message_id,
      query: user_query,
      answer: ai_response,
      created_at: message_date,
      conversation_id,
      app_id,
    }
    return { row, isSingle: true }
  }
  const question = firstOf(value, 'question', '问题')
  if (question === undefined) return { row: value, isSingle: false }
  return {
    row: { ...value, query: question, answer: firstOf(value, 'answer', '答案') ?? '' },
    isSingle: true,
  }
}

function toTurn(row: Fields, at: number) {
  const date = new Date(at).toISOString()
  const messages = (['query', 'answer'] as const).flatMap((name) => {
    const content = text(row, name)
    return content === ''
      ? []
      : [{ role: name === 'query' ? ('user' as const) : ('assistant' as const), content, at: date }]
  })
  const { metadata: _, ...shared } = sharedFields(row)
  return { messages, ...shared }
}

function text(row: Fields, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? value.trim() : ''
}

async function* rowsOf(source: Source): AsyncGenerator<Element> {
  const elements = /\.csv$/i.test(source.path) ? readCsv(source) : readElements(source)
  for await (const element of elements) {
    const value = 'value' in element ? element.value : undefined
    const page = isObject(value) ? firstOf(value, 'data', 'feedback_data') : value
    if (Array.isArray(page)) for (const one of page) yield { line: element.line, value: one }
    else yield element
  }
}

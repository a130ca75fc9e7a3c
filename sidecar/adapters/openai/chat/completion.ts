import type { Completion } from '../../../ports/language-model.ts'
import { member } from '../json.ts'

/** Values of `finish_reason`. */
const FINISHES = new Map<unknown, Completion['finish']>([
  ['stop', 'stop'],
  ['tool_calls', 'stop'],
  ['function_call', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['content_filter', 'refused'],
])

/** Parses the response of `POST /chat/completions`; `invalid` creates the error for anything else. */
export function completionOf(body: unknown, model: string, invalid: (got: string) => Error) {
  if (body === null || body === undefined || body === '') throw invalid('nothing')
  if (typeof body !== 'object') throw invalid('text that is not JSON')
  if (!Array.isArray(member(body, 'choices'))) throw invalid('JSON that is not a completion')
  const message = member(body, 'choices', '0', 'message')
  if (message === null || typeof message !== 'object') throw invalid('no choices')
  const refusal = member(message, 'refusal')
  const answered = member(body, 'model')
  const finish = FINISHES.get(member(body, 'choices', '0', 'finish_reason')) ?? 'other'
  return {
    text: withoutReasoning(textOf(member(message, 'content'))),
    calls: callsOf(member(message, 'tool_calls')),
    finish: typeof refusal === 'string' && refusal !== '' ? 'refused' : finish,
    model: typeof answered === 'string' && answered !== '' ? answered : model,
  }
}

/** Whether the model reasoned before it answered: by its token count, a reasoning field, or a tag in the text. */
export function hasReasoned(body: unknown): boolean {
  if (Number(member(body, 'usage', 'completion_tokens_details', 'reasoning_tokens')) > 0) return true
  const message = member(body, 'choices', '0', 'message')
  if (member(message, 'reasoning_content') || member(message, 'reasoning')) return true
  const text = textOf(member(message, 'content'))
  return withoutReasoning(text) !== text
}

/** Removes the reasoning before the answer. Its start tag may be in the prompt, and its end tag may be cut off. */
export function withoutReasoning(text: string): string {
  const opened = /^\s*<think(?:ing)?>/i.exec(text)
  // A tag inside the answer is part of it, for example in JSON about such tags.
  const ended = opened || !/^\s*[[{"]/.test(text) ? /<\/think(?:ing)?>\s*/i.exec(text) : null
  if (ended && (opened || !/<think(?:ing)?>/i.test(text.slice(0, ended.index)))) {
    return text.slice(ended.index + ended[0].length)
  }
  return opened ? '' : text
}

/** Text content, or the text parts that some servers (Mistral) return. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.filter((part) => member(part, 'type') === 'text').map((part) => member(part, 'text'))
  return texts.filter((text) => typeof text === 'string').join('')
}

function callsOf(calls: unknown): Completion['calls'] {
  if (!Array.isArray(calls)) return []
  return calls.flatMap((call) => {
    const name = member(call, 'function', 'name')
    const args = member(call, 'function', 'arguments')
    if (typeof name !== 'string') return []
    // Specified as text; some servers return the object itself.
    return [{ name, arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}) }]
  })
}

import type { Completion } from '../../ports/language-model.ts'
import { member } from './json.ts'

/** Reads the answer of `POST /chat/completions`; `complaint` makes the error for what is no completion. */
export function completionOf(
  body: unknown,
  model: string,
  complaint: (came: string) => Error,
): Omit<Completion, 'without'> {
  if (body === null || body === undefined || body === '') throw complaint('nothing')
  if (typeof body !== 'object') throw complaint('text that is not JSON')
  const choices = member(body, 'choices')
  if (!Array.isArray(choices)) throw complaint('JSON that is no completion')
  const message = member(choices[0], 'message')
  if (message === null || typeof message !== 'object') throw complaint('no choices')
  const refusal = member(message, 'refusal')
  const answered = member(body, 'model')
  return {
    text: withoutReasoning(textOf(member(message, 'content'))),
    calls: callsOf(member(message, 'tool_calls')),
    finish:
      typeof refusal === 'string' && refusal !== ''
        ? 'refused'
        : finishOf(member(choices[0], 'finish_reason')),
    model: typeof answered === 'string' && answered !== '' ? answered : model,
  }
}

/** Whether the model reasoned before it answered, by its tokens, its thoughts in a field or those in the text. */
export function hasReasoned(body: unknown): boolean {
  const counted = member(member(member(body, 'usage'), 'completion_tokens_details'), 'reasoning_tokens')
  if (typeof counted === 'number' && counted > 0) return true
  const choices = member(body, 'choices')
  const message = member(Array.isArray(choices) ? choices[0] : undefined, 'message')
  const text = textOf(member(message, 'content'))
  return (
    Boolean(member(message, 'reasoning_content') || member(message, 'reasoning')) ||
    withoutReasoning(text) !== text
  )
}

/** A prompt that was refused before any model saw it. */
export function refusedCompletion(model: string): Completion {
  return { text: '', calls: [], finish: 'refused', model }
}

/**
 * The text without the thoughts that reasoning models write before it. Templates that open the tag in the
 * prompt leave only its end in the answer; an answer cut off while thinking has only its beginning.
 */
export function withoutReasoning(text: string): string {
  const opened = /^\s*<think(?:ing)?>/i.exec(text)
  // Inside an answer the tag is the model's text, as it is in JSON about such tags.
  const ended = opened || !/^\s*[[{"]/.test(text) ? /<\/think(?:ing)?>\s*/i.exec(text) : null
  if (ended && (opened || !/<think(?:ing)?>/i.test(text.slice(0, ended.index)))) {
    return text.slice(ended.index + ended[0].length)
  }
  return opened ? '' : text
}

/** Text, or the text among the parts that some servers (Mistral) answer with. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .filter((part) => member(part, 'type') === 'text')
    .map((part) => member(part, 'text'))
    .filter((text) => typeof text === 'string')
    .join('')
}

function callsOf(calls: unknown): Completion['calls'] {
  if (!Array.isArray(calls)) return []
  return calls.flatMap((call) => {
    const name = member(member(call, 'function'), 'name')
    const args = member(member(call, 'function'), 'arguments')
    if (typeof name !== 'string') return []
    // Should be text; some servers send the object itself.
    return [{ name, arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}) }]
  })
}

function finishOf(reason: unknown): Completion['finish'] {
  if (reason === 'stop' || reason === 'tool_calls' || reason === 'function_call') return 'stop'
  if (reason === 'length' || reason === 'max_tokens') return 'length'
  if (reason === 'content_filter') return 'refused'
  return 'other'
}

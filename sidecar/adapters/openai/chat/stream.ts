import { member } from '../json.ts'

interface StreamedCall {
  function: { name: string; arguments: string }
}

/**
 * The completion of a body of server-sent events, in the format of an answer in one piece; any other body unchanged. A
 * stream without an end is not a completion: half an answer may be another answer.
 */
export function completionOfStream(body: unknown): unknown {
  if (typeof body !== 'string' || !/^\s*(?:data|event|id|retry)?:/.test(body)) return body
  const events = eventsOf(body)
  if (events === undefined) return body
  const failed = events.find((event) => member(event, 'error'))
  if (failed) return failed
  let [content, reasoning, finish] = ['', '', undefined as unknown]
  const calls: StreamedCall[] = []
  let [usage, model]: unknown[] = []
  for (const event of events) {
    usage = member(event, 'usage') ?? usage
    model = member(event, 'model') ?? model
    const delta = member(event, 'choices', '0', 'delta') ?? member(event, 'choices', '0', 'message')
    content += textOf(member(delta, 'content'))
    reasoning += textOf(member(delta, 'reasoning_content')) || textOf(member(delta, 'reasoning'))
    finish = member(event, 'choices', '0', 'finish_reason') ?? finish
    addCalls(calls, member(delta, 'tool_calls'))
  }
  if (finish === undefined) return body
  const message = { content, reasoning_content: reasoning, tool_calls: calls.filter(Boolean) }
  return { model, usage, choices: [{ message, finish_reason: finish }] }
}

/** The JSON of the `data` lines; `undefined` if one is not JSON. */
function eventsOf(body: string): unknown[] | undefined {
  const data = body.split(/\r?\n/).flatMap((line) => /^data:\s*(.+)$/.exec(line)?.[1] ?? [])
  try {
    return data.filter((text) => text.trim() !== '[DONE]').map((text) => JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

/** Appends the fragments of function calls. Only the first fragment of a call has its name. */
function addCalls(calls: StreamedCall[], fragments: unknown): void {
  if (!Array.isArray(fragments)) return
  for (const [position, fragment] of fragments.entries()) {
    const index = Number(member(fragment, 'index') ?? position)
    if (!Number.isInteger(index) || index < 0 || index > MAX_CALLS) continue
    const call = calls[index] ?? { function: { name: '', arguments: '' } }
    calls[index] = call
    call.function.name += textOf(member(fragment, 'function', 'name'))
    const args = member(fragment, 'function', 'arguments')
    call.function.arguments += typeof args === 'object' && args !== null ? JSON.stringify(args) : textOf(args)
  }
}

const MAX_CALLS = 1000

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

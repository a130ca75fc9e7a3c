import { createHash } from 'node:crypto'
import type { Answer, ScriptedRequest } from './rules.ts'

export type CountTokens = (text: string) => number

/** A `chat.completion` in OpenAI's format. */
export function completionBody(request: ScriptedRequest, answer: Answer, usage: object | undefined): object {
  const { content, calls = [], finish } = typeof answer === 'string' ? { content: answer } : answer
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion',
    created: 1_772_355_600,
    model: request.body.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content ?? null,
          refusal: null,
          ...(calls.length > 0 ? { tool_calls: calls.map(toolCall) } : {}),
        },
        finish_reason: finish ?? (calls.length > 0 ? 'tool_calls' : 'stop'),
      },
    ],
    ...(usage ? { usage } : {}),
  }
}

/** The same completion as server-sent events, with content and arguments in small pieces, like OpenAI's. */
export function streamBody(completion: object, withUsage: boolean): string {
  // biome-ignore lint/suspicious/noExplicitAny: the completion of `completionBody`
  const { choices, usage, ...head } = completion as any
  const [{ message, finish_reason }] = choices
  const pieces = (text: string) => text.match(/.{1,5}/gsu) ?? []
  const deltas: object[] = [
    { role: 'assistant', content: '' },
    ...pieces(message.content ?? '').map((content) => ({ content })),
    ...(message.tool_calls ?? []).flatMap(
      ({ id, function: call }: ReturnType<typeof toolCall>, index: number) => [
        { tool_calls: [{ index, id, type: 'function', function: { name: call.name, arguments: '' } }] },
        ...pieces(call.arguments).map((text) => ({ tool_calls: [{ index, function: { arguments: text } }] })),
      ],
    ),
  ]
  const chunk = (delta: object, finish: string | null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish }],
  })
  const events = [...deltas.map((delta) => chunk(delta, null)), chunk({}, finish_reason)]
  if (withUsage && usage) events.push({ ...head, choices: [], usage })
  const lines = events.map((event) => `data: ${JSON.stringify(event)}\n\n`)
  return `: keep-alive\n\n${lines.join('')}data: [DONE]\n\n`
}

function toolCall({ name, arguments: args }: { name: string; arguments: unknown }, i: number) {
  const text = typeof args === 'string' ? args : JSON.stringify(args)
  return { id: `call_${i}`, type: 'function', function: { name, arguments: text } }
}

/**
 * Counts the tokens of prompts and answers. `cached_tokens` is the length of the longest prefix shared with an earlier
 * prompt, at least 1024 and in steps of 128, like OpenAI's prompt cache.
 */
export function usageMeter(count: CountTokens) {
  const prompts: string[] = []
  return (request: ScriptedRequest, answer: Answer) => {
    const prompt = JSON.stringify([request.body.tools ?? null, request.body.messages])
    const prompt_tokens = count(prompt)
    const completion_tokens = count(typeof answer === 'string' ? answer : JSON.stringify(answer))
    const shared = prompts.reduce((longest, other) => Math.max(longest, commonPrefix(prompt, other)), 0)
    const cached = count(prompt.slice(0, shared))
    prompts.push(prompt)
    if (prompts.length > 100) prompts.shift()
    return {
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      prompt_tokens_details: { cached_tokens: cached < 1024 ? 0 : cached - (cached % 128) },
    }
  }
}

function commonPrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a[length] === b[length]) length++
  return length
}

/** The response of `/embeddings`: hashed words, so that texts that share words are similar. */
export function embeddingsBody({ body }: ScriptedRequest, ownDimensions: number, count: CountTokens): object {
  const texts: string[] = typeof body.input === 'string' ? [body.input] : body.input
  const dimensions = body.dimensions ?? ownDimensions
  const tokens = texts.reduce((sum, text) => sum + count(text), 0)
  return {
    object: 'list',
    model: body.model,
    data: texts.map((text, index) => {
      const vector = hashedVector(text, dimensions)
      const embedding =
        body.encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
      return { object: 'embedding', index, embedding }
    }),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

/** Not normalised on purpose: not every server normalises. */
function hashedVector(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    const hash = createHash('sha256').update(word).digest()
    const at = hash.readUInt32LE(0) % dimensions
    vector[at] = (vector[at] as number) + 1 + (hash[4] as number) / 255
  }
  return vector
}

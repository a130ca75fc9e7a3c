import type { ChatMessage, CompletionRequest, FunctionTool } from '../../ports/language-model.ts'
import { type Abilities, formatFor } from './capabilities.ts'

/** Added to the limit of a model that reasons, whose thoughts would else leave nothing for the answer. */
const REASONING_TOKENS = 4096

/** The body of `POST /chat/completions` for a model of these abilities. */
export function bodyOf(request: CompletionRequest, model: string, able: Abilities): Record<string, unknown> {
  const { schema, tools, maxOutputTokens } = request
  const format = formatFor(able, request)
  return {
    model,
    messages: messagesFor(request, able),
    [able.limit]: maxOutputTokens + (able.reasons ? REASONING_TOKENS : 0),
    ...(able.temperature ? { temperature: 0 } : {}),
    ...(tools?.length && able.tools !== 'none'
      ? { tools: tools.map((tool) => asTool(tool, able)), tool_choice: able.tools }
      : {}),
    ...(schema && format === 'json_schema'
      ? {
          response_format: {
            type: 'json_schema',
            json_schema: { ...asStrict(schema.schema, able), name: schema.name },
          },
        }
      : {}),
    ...(format === 'json_object' ? { response_format: { type: 'json_object' } } : {}),
  }
}

/** What the request asks for that a model of these abilities is not held to. */
export function withoutOf({ schema, tools }: CompletionRequest, able: Abilities): ('schema' | 'tools')[] {
  const without: ('schema' | 'tools')[] = []
  if (schema && able.format !== 'json_schema') without.push('schema')
  if (tools?.length && able.tools === 'none') without.push('tools')
  return without
}

/** The messages, with what the endpoint has no parameter for said in words. */
function messagesFor(request: CompletionRequest, able: Abilities): readonly ChatMessage[] {
  const { messages, schema, tools } = request
  const words: string[] = []
  if (tools?.length && able.tools === 'none') words.push(describeTools(tools))
  // A prompt that speaks of JSON says itself which; and JSON mode demands the word (OpenAI answers 400 without).
  else if (
    schema &&
    able.format !== 'json_schema' &&
    !messages.some(({ content }) => /json/i.test(content))
  ) {
    words.push(
      `Answer with one JSON object of this JSON Schema and nothing else:\n${JSON.stringify(plain(schema.schema))}`,
    )
  }
  if (words.length === 0) return messages
  const [first, ...rest] = messages
  // Some chat templates take one system message, and only at the start.
  return first?.role === 'system'
    ? [{ role: 'system', content: [first.content, ...words].join('\n\n') }, ...rest]
    : [{ role: 'system', content: words.join('\n\n') }, ...messages]
}

function describeTools(tools: readonly FunctionTool[]): string {
  const described = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters: plain(parameters) }),
  )
  return (
    'Call functions by answering with one JSON object and nothing else, like ' +
    `{"calls":[{"name":"…","arguments":{…}}]}. The functions are:\n${described.join('\n')}`
  )
}

function asTool({ name, description, parameters }: FunctionTool, able: Abilities) {
  const { schema, strict } = asStrict(parameters, able)
  return {
    type: 'function',
    function: { name, description, parameters: schema, ...(strict ? { strict } : {}) },
  }
}

type JsonSchema = Readonly<Record<string, unknown>>

/** Strict only where OpenAI allows it: every object closed and all its properties required. */
function asStrict(schema: JsonSchema, able: Abilities): { schema: JsonSchema; strict: boolean } {
  return { schema: plain(schema), strict: able.strict && isClosed(schema) }
}

/** Without the dialect, which zod writes and some servers refuse. */
function plain({ $schema: _, ...schema }: JsonSchema): JsonSchema {
  return schema
}

function isClosed(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed)
  if (schema === null || typeof schema !== 'object') return true
  const { type, properties, required, additionalProperties } = schema as JsonSchema
  if (type === 'object' || properties !== undefined) {
    const names = Object.keys((properties ?? {}) as object)
    const all = new Set(Array.isArray(required) ? required : [])
    if (additionalProperties !== false || !names.every((name) => all.has(name))) return false
  }
  return Object.values(schema).every(isClosed)
}

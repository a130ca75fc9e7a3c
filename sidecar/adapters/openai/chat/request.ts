import type { ChatMessage, CompletionRequest, FunctionTool } from '../../../ports/language-model.ts'
import { plainSchema, promptFeatures } from '../../common/prompted-features.ts'
import { type Capabilities, formatFor } from './capabilities.ts'

/** Added to the token limit of a reasoning model, whose reasoning would otherwise use it up. */
const REASONING_TOKENS = 4096

/** The body of `POST /chat/completions` for a model with these capabilities. */
export function bodyOf(request: CompletionRequest, model: string, able: Capabilities) {
  const { schema, tools, maxOutputTokens } = request
  const format = formatFor(able, request)
  return {
    model,
    messages: messagesFor(request, able),
    [able.limit]: maxOutputTokens + (able.reasons ? REASONING_TOKENS : 0),
    ...(able.temperature ? { temperature: 0 } : {}),
    ...(able.stream === 'none' ? {} : { stream: true }),
    ...(able.stream === 'usage' ? { stream_options: { include_usage: true } } : {}),
    ...(able.thinking === 'off' ? { enable_thinking: false } : {}),
    ...(tools?.length && able.tools !== 'none'
      ? { tools: tools.map((tool) => asTool(tool, able)), tool_choice: able.tools }
      : {}),
    ...(format === 'text' ? {} : { response_format: responseFormat(schema, format, able) }),
  }
}

function responseFormat(schema: CompletionRequest['schema'], type: string, able: Capabilities) {
  if (!schema || type !== 'json_schema') return { type }
  return { type, json_schema: { ...asStrict(schema.schema, able), name: schema.name } }
}

/** The features of the request that a model with these capabilities does not enforce. */
export function withoutOf({ schema, tools }: CompletionRequest, able: Capabilities): ('schema' | 'tools')[] {
  return [
    ...(schema && able.format !== 'json_schema' ? (['schema'] as const) : []),
    ...(tools?.length && able.tools === 'none' ? (['tools'] as const) : []),
  ]
}

/** The messages; features without a parameter are described in the system prompt. */
function messagesFor(
  { messages, schema, tools }: CompletionRequest,
  able: Capabilities,
): readonly ChatMessage[] {
  return promptFeatures(messages, {
    tools: able.tools === 'none' ? tools : undefined,
    schema: able.format === 'json_schema' ? undefined : schema,
  })
}

function asTool({ name, description, parameters }: FunctionTool, able: Capabilities) {
  const { schema, strict } = asStrict(parameters, able)
  return { type: 'function', function: { name, description, parameters: schema, ...(strict && { strict }) } }
}

type JsonSchema = Readonly<Record<string, unknown>>

/** OpenAI allows strict schemas only if every object is closed and all its properties are required. */
function asStrict(schema: JsonSchema, able: Capabilities): { schema: JsonSchema; strict: boolean } {
  return { schema: plainSchema(schema), strict: able.strict && isClosed(schema) }
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

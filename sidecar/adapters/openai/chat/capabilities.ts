import type { CompletionRequest } from '../../../ports/language-model.ts'
import { isTooLong } from '../failures.ts'

/** Features that a model supports, learned from its rejections. */
export interface Capabilities {
  format: 'json_schema' | 'json_object' | 'text'
  /** Supports `strict` schemas, which allow a subset of JSON Schema. */
  strict: boolean
  tools: 'required' | 'auto' | 'none'
  /** Supports `temperature: 0`; reasoning models accept only their default. */
  temperature: boolean
  /** Name of the parameter that limits output tokens. */
  limit: 'max_completion_tokens' | 'max_tokens'
  /** Streamed answers, with the `stream_options` that report usage or without; `none`: answers in one piece. */
  stream: 'none' | 'usage' | 'plain'
  /** `off`: `enable_thinking: false` is sent, which hybrid models require for answers in one piece. */
  thinking: 'default' | 'off'
  /** Reasons before it answers, within the same token limit; detected from its responses. */
  reasons: boolean
}

/** OpenAI's newest models support only `max_completion_tokens`; other servers (Ollama) ignore it. */
export function initialCapabilities(isOfficial: boolean): Capabilities {
  return {
    format: 'json_schema',
    strict: true,
    tools: 'required',
    temperature: true,
    limit: isOfficial ? 'max_completion_tokens' : 'max_tokens',
    stream: 'none',
    thinking: 'default',
    reasons: false,
  }
}

/**
 * The capabilities to drop after a rejection, or `undefined` if it has another cause. `learned` are those that this call
 * has dropped already; each step drops one, so the steps end.
 * The patterns match OpenAI, Azure, Ollama, vLLM, LM Studio, llama.cpp and Mistral at the end of 2026.
 */
export function withoutUnsupported(
  { status, responseText: text }: { status: number | undefined; responseText: string },
  used: Capabilities,
  { schema, tools }: Pick<CompletionRequest, 'schema' | 'tools'>,
  learned: Partial<Capabilities>,
): Partial<Capabilities> | undefined {
  const isRejected = status === 400 || status === 422
  // llama.cpp returns 500 and OpenRouter 404 for unsupported features, but also for other errors.
  const isUnsupported =
    (status === 404 || status === 500 || status === 501) && /support|requires|implement|only|must/i.test(text)
  if (!isRejected && !isUnsupported) return undefined
  if (isRefusedContent(text) || isTooLong(text)) return undefined
  const asksTools = tools !== undefined && tools.length > 0 && used.tools !== 'none'
  const asksFormat = formatFor(used, { schema, tools }) !== 'text'
  const weakerFormat = { format: used.format === 'json_schema' ? 'json_object' : 'text' } as const
  const isChoiceRejected = used.tools === 'required' && /tool_?choice|required/i.test(text)
  const weakerTools = { tools: isChoiceRejected ? 'auto' : 'none' } as const

  const transport = otherTransport(text, used, learned)
  if (transport) return transport
  if (learned.limit === undefined && /max_(completion_)?tokens/i.test(text)) {
    return { limit: used.limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens' }
  }
  if (used.temperature && /temperature/i.test(text)) return { temperature: false }
  if (used.strict && (asksFormat || asksTools) && /strict|invalid.{0,10}schema/i.test(text)) {
    return { strict: false }
  }
  const isFormat = /response_?format|json_?(schema|object|mode)|structured|grammar|guided/i.test(text)
  if (asksFormat && isFormat) return weakerFormat
  if (asksTools && /tool|function/i.test(text)) return weakerTools
  // The text names no feature: drop the least widely supported one.
  if (!isRejected) return undefined
  if (asksFormat) return weakerFormat
  return asksTools ? weakerTools : undefined
}

const WANTS_STREAM =
  /(?:only|must|requir\w*|enable|needs?|set|use|supports?)\b.{0,60}\bstream|\bnon-?stream|\bstream\w*\b.{0,60}\b(?:only|must|required|true|to be)\b|流式/i

/** Another way to get the answer, where the endpoint names one. */
function otherTransport(
  text: string,
  { stream, thinking }: Capabilities,
  learned: Partial<Capabilities>,
): Partial<Capabilities> | undefined {
  if (/enable_?thinking/i.test(text)) {
    if (learned.thinking === undefined && thinking === 'default') return { thinking: 'off' }
    // A model that only thinks refuses that as well, and then has to stream.
    if (thinking === 'off') return { thinking: 'default', ...(stream === 'none' ? { stream: 'usage' } : {}) }
  }
  if (stream === 'usage' && /stream_?options|include_?usage/i.test(text)) return { stream: 'plain' }
  return stream === 'none' && WANTS_STREAM.test(text) ? { stream: 'usage' } : undefined
}

/** The response format for a request; functions described in the prompt are called in JSON too. */
export function formatFor(
  used: Capabilities,
  { schema, tools }: Pick<CompletionRequest, 'schema' | 'tools'>,
): Capabilities['format'] {
  if (schema) return used.format
  const described = tools !== undefined && tools.length > 0 && used.tools === 'none'
  return described && used.format !== 'text' ? 'json_object' : 'text'
}

/** Azure's content filter rejects a prompt with status 400. */
export function isRefusedContent(text: string): boolean {
  return /content_?filter|ResponsibleAIPolicy|content management policy|content_policy/i.test(text)
}

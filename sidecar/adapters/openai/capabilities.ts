import type { CompletionRequest } from '../../ports/language-model.ts'
import { isTooLong } from './failures.ts'

/** What a model at an endpoint takes, each from the strongest down; learnt from its refusals. */
export interface Abilities {
  format: 'json_schema' | 'json_object' | 'text'
  /** Whether it takes `strict` schemas, which allow only some of JSON Schema's words. */
  strict: boolean
  tools: 'required' | 'auto' | 'none'
  /** Whether it takes `temperature: 0`; reasoning models take only their default. */
  temperature: boolean
  /** The name under which it takes the limit of output tokens. */
  limit: 'max_completion_tokens' | 'max_tokens'
  /** Whether it reasons first, out of the same limit of tokens; seen in its answers. */
  reasons: boolean
}

/** `official`: OpenAI's newest models know only the one limit, other servers (Ollama) overlook all but the old one. */
export function strongest(official: boolean): Abilities {
  return {
    format: 'json_schema',
    strict: true,
    tools: 'required',
    temperature: true,
    limit: official ? 'max_completion_tokens' : 'max_tokens',
    reasons: false,
  }
}

/**
 * What to do without after a refusal, or undefined when the refusal is about something else. `learnt` are the
 * steps that this call took already; each leads down, so that they end.
 * The wordings are those of OpenAI, Azure, Ollama, vLLM, LM Studio, llama.cpp and Mistral at the end of 2026.
 */
export function lacking(
  { status, says }: { status: number | undefined; says: string },
  used: Abilities,
  { schema, tools }: Pick<CompletionRequest, 'schema' | 'tools'>,
  learnt: Partial<Abilities>,
): Partial<Abilities> | undefined {
  const refused = status === 400 || status === 422
  // llama.cpp answers 500 and OpenRouter 404 for what they lack, and also for much else.
  const unable =
    (status === 404 || status === 500 || status === 501) && /support|requires|implement/i.test(says)
  if (!refused && !unable) return undefined
  if (isRefusedContent(says) || isTooLong(says)) return undefined
  const asksTools = tools !== undefined && tools.length > 0 && used.tools !== 'none'
  const asksFormat = formatFor(used, { schema, tools }) !== 'text'

  if (learnt.limit === undefined && /max_(completion_)?tokens/i.test(says)) {
    return { limit: used.limit === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens' }
  }
  if (used.temperature && /temperature/i.test(says)) return { temperature: false }
  if (used.strict && (asksFormat || asksTools) && /strict|invalid.{0,10}schema/i.test(says))
    return { strict: false }
  if (asksFormat && /response_?format|json_?(schema|object|mode)|structured|grammar|guided/i.test(says)) {
    return { format: weakerFormat(used) }
  }
  if (asksTools && /tool|function/i.test(says)) return { tools: weakerTools(used, says) }
  // Not a word on what is wrong: from what the fewest servers have to what all have.
  if (!refused) return undefined
  if (asksFormat) return { format: weakerFormat(used) }
  if (asksTools) return { tools: weakerTools(used, says) }
  return undefined
}

/** The format in force for a request; functions in words are answered in JSON too. */
export function formatFor(
  used: Abilities,
  { schema, tools }: Pick<CompletionRequest, 'schema' | 'tools'>,
): Abilities['format'] {
  if (schema) return used.format
  const described = tools !== undefined && tools.length > 0 && used.tools === 'none'
  return described && used.format !== 'text' ? 'json_object' : 'text'
}

/** A content filter, which answers as a refused request where it dislikes the prompt (Azure). */
export function isRefusedContent(says: string): boolean {
  return /content_?filter|ResponsibleAIPolicy|content management policy|content_policy/i.test(says)
}

function weakerFormat({ format }: Abilities): Abilities['format'] {
  return format === 'json_schema' ? 'json_object' : 'text'
}

function weakerTools({ tools }: Abilities, says: string): Abilities['tools'] {
  return tools === 'required' && /tool_?choice|required/i.test(says) ? 'auto' : 'none'
}

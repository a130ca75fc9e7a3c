export type ChatRole = 'user' | 'assistant' | 'system'

const ROLES: Readonly<Record<string, ChatRole | null>> = {
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  ai: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  system: 'system',
  developer: 'system',
  // Output of tools is not part of the conversation.
  tool: null,
  function: null,
}

/** The role that chat APIs and exports write in several ways; `null` for tools, `undefined` for an unknown role. */
export function readRole(role: unknown): ChatRole | null | undefined {
  if (typeof role !== 'string') return undefined
  const name = role.toLowerCase()
  return Object.hasOwn(ROLES, name) ? ROLES[name] : undefined
}

/**
 * The text of a message: a string, a list of parts (`{type: 'text', text}`, of which only texts are read) or nothing,
 * as beside tool calls. `undefined` for anything else.
 */
export function readContent(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (content === null || content === undefined) return ''
  if (!Array.isArray(content)) return undefined
  return content.flatMap((part: unknown) => textOf(part) ?? []).join('\n')
}

/** Parts are `text`, `input_text` or `output_text`, or have no type; reasoning and images are not said. */
function textOf(part: unknown): string | undefined {
  if (typeof part === 'string') return part
  if (part === null || typeof part !== 'object') return undefined
  const { type, text } = part as { type?: unknown; text?: unknown }
  const isText = type === undefined || type === null || (typeof type === 'string' && type.endsWith('text'))
  return isText && typeof text === 'string' ? text : undefined
}

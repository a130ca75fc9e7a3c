import type { ChatMessage, CompletionRequest, FunctionTool } from '../../ports/language-model.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** The messages with features that the model does not support described in the system prompt. */
export function promptFeatures(
  messages: readonly ChatMessage[],
  { schema, tools }: Pick<CompletionRequest, 'schema' | 'tools'>,
): readonly ChatMessage[] {
  const mentionsJson = messages.some(({ content }) => /json/i.test(content))
  let instruction: string
  if (tools?.length) instruction = describeTools(tools)
  // A prompt that mentions JSON describes its shape. JSON mode requires the word (OpenAI returns 400 without it).
  else if (schema && !mentionsJson) {
    instruction = `Answer with one JSON object of this JSON Schema and nothing else:\n${JSON.stringify(plainSchema(schema.schema))}`
  } else return messages
  const [first, ...rest] = messages
  // Some chat templates accept a single system message at the start only.
  return first?.role === 'system'
    ? [{ role: 'system', content: `${first.content}\n\n${instruction}` }, ...rest]
    : [{ role: 'system', content: instruction }, ...messages]
}

function describeTools(tools: readonly FunctionTool[]): string {
  const described = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, description, parameters: plainSchema(parameters) }),
  )
  return (
    'Call functions by answering with one JSON object and nothing else, like ' +
    `{"calls":[{"name":"…","arguments":{…}}]}. The functions are:\n${described.join('\n')}`
  )
}

/** Without `$schema`, which zod adds and some servers reject. */
export function plainSchema({ $schema: _, ...schema }: JsonSchema): JsonSchema {
  return schema
}

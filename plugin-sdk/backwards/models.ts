import { z } from 'zod'
import { BackwardsInvocationError } from '../errors.ts'
import type { BackwardsCalls } from './calls.ts'

/** The value of a `model-selector` parameter. */
export interface ModelSelection {
  provider: string
  model: string
  /** `chat` or `completion`. @default 'chat' */
  mode?: string | undefined
  completion_params?: Readonly<Record<string, unknown>> | undefined
}

export interface PromptMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** A function that the model may call. `parameters` is JSON Schema. */
export interface PromptTool {
  name: string
  description: string
  parameters: Readonly<Record<string, unknown>>
}

export interface LlmRequest {
  model: ModelSelection
  messages: readonly PromptMessage[]
  tools?: readonly PromptTool[] | undefined
  /** Added to those of the selection. */
  completion_params?: Readonly<Record<string, unknown>> | undefined
}

export interface LlmResult {
  text: string
  /** `arguments` is unchecked text that should be JSON. */
  tool_calls: { name: string; arguments: string }[]
  /** As the provider names it; null if it does not say. */
  finish_reason: string | null
  model: string
  /** Tokens as counted by the provider; 0 if it reports none. */
  usage: { prompt_tokens: number; completion_tokens: number }
}

export interface EmbeddingRequest {
  model: Pick<ModelSelection, 'provider' | 'model'>
  texts: readonly string[]
  input_type: 'document' | 'query'
}

export interface EmbeddingResult {
  embeddings: number[][]
  model: string
  usage: { prompt_tokens: number }
}

/** The models that are configured in Dify. Needs the permissions `model.llm` and `model.text_embedding`. */
export interface Models {
  /** Throws `BackwardsInvocationError` with the message of Dify or of the model's provider. */
  llm(request: LlmRequest): Promise<LlmResult>
  embed(request: EmbeddingRequest): Promise<EmbeddingResult>
}

const count = z.number().nonnegative().catch(0)

const ToolCall = z.looseObject({
  id: z.string().nullish(),
  function: z.looseObject({ name: z.string().nullish(), arguments: z.string().nullish() }),
})

const Chunk = z.looseObject({
  model: z.string().catch(''),
  delta: z.looseObject({
    message: z.looseObject({
      content: z
        .union([z.string(), z.array(z.looseObject({ type: z.string(), data: z.unknown() }))])
        .nullish(),
      tool_calls: z.array(ToolCall).nullish(),
    }),
    usage: z.looseObject({ prompt_tokens: count, completion_tokens: count }).nullish(),
    finish_reason: z.string().nullish(),
  }),
})

const Embeddings = z.looseObject({
  model: z.string().catch(''),
  embeddings: z.array(z.array(z.number())),
  usage: z.looseObject({ total_tokens: count }).nullish(),
})

export function createModels({ call }: Pick<BackwardsCalls, 'call'>): Models {
  return {
    async llm({ model: { provider, model, mode, ...selected }, messages, tools, completion_params }) {
      const chunks = call('llm', {
        provider,
        model,
        model_type: 'llm',
        mode: mode || 'chat',
        // Dify rejects null in these two and in `tool_calls`, and the daemon sends null for what is absent.
        completion_params: { ...selected.completion_params, ...completion_params },
        prompt_messages: messages.map(({ role, content }) => ({
          ...{ role, content },
          ...(role === 'assistant' && { tool_calls: [] }),
        })),
        tools: tools?.length ? tools : null,
        stop: null,
        stream: false,
      })
      const result: LlmResult = {
        ...{ text: '', tool_calls: [], finish_reason: null, model },
        usage: { prompt_tokens: 0, completion_tokens: 0 },
      }
      for await (const data of chunks) addChunk(result, read(Chunk, data, 'llm'))
      return result
    },
    async embed({ model: { provider, model }, texts, input_type }) {
      const request = { provider, model, model_type: 'text-embedding', texts, input_type }
      let result: EmbeddingResult | undefined
      for await (const data of call('text_embedding', request)) {
        const { embeddings, usage, ...answer } = read(Embeddings, data, 'text_embedding')
        result = {
          ...{ embeddings, model: answer.model || model },
          usage: { prompt_tokens: usage?.total_tokens ?? 0 },
        }
      }
      if (!result) throw new BackwardsInvocationError('text_embedding: expected an answer, got none')
      return result
    },
  }
}

/** Without streaming there is normally one chunk. */
function addChunk(result: LlmResult, { model, delta }: z.output<typeof Chunk>): void {
  const { message, usage, finish_reason } = delta
  const { content } = message
  result.text +=
    typeof content === 'string'
      ? content
      : (content ?? []).map(({ type, data }) => (type === 'text' ? String(data) : '')).join('')
  for (const { function: called } of message.tool_calls ?? []) {
    const last = result.tool_calls.at(-1)
    // A streamed call continues without its name.
    if (called.name) result.tool_calls.push({ name: called.name, arguments: called.arguments ?? '' })
    else if (last) last.arguments += called.arguments ?? ''
  }
  if (usage) result.usage = usage
  result.finish_reason = finish_reason ?? result.finish_reason
  result.model = model || result.model
}

function read<T extends z.ZodType>(schema: T, data: unknown, type: string): z.output<T> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const field = parsed.error.issues[0]?.path.join('.') || 'data'
  throw new BackwardsInvocationError(`${type}: expected another answer of Dify (${field})`)
}

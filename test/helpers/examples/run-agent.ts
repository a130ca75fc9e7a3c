import type { PluginDeclaration, ToolDeclaration } from '@dify/plugin-sdk-ts'
import type { AgentApp } from './dsl.ts'

/** A function as the model is told of it. */
export interface OfferedFunction {
  name: string
  description: string
  parameters: { properties: Record<string, { type: string; enum?: string[] }>; required: string[] }
}

export interface AgentMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
}

type Decision = { answer: string } | { call: string; arguments: Record<string, unknown> }

interface Surroundings {
  plugin: PluginDeclaration
  callTool: (tool: string, parameters: Record<string, unknown>) => Promise<{ text: string }>
  model: (messages: AgentMessage[], functions: OfferedFunction[]) => Decision
}

/**
 * Plays one message through an agent app as Dify's function-call runner does: it offers the parameters with `form: llm`,
 * runs what the model calls, and shows it the result, until the model answers. The last iteration has no functions.
 */
export async function runAgent(
  { model_config: { pre_prompt, agent_mode } }: AgentApp,
  query: string,
  { plugin, callTool, model }: Surroundings,
): Promise<{ answer: string; messages: AgentMessage[] }> {
  const functions = agent_mode.tools.map(({ tool_name }) => {
    const tool = plugin.provider.tools.find(({ identity }) => identity.name === tool_name)
    if (!tool) throw new Error(`${tool_name}: expected a tool of the plugin`)
    return toFunction(tool)
  })
  const messages: AgentMessage[] = [
    { role: 'system', content: pre_prompt },
    { role: 'user', content: query },
  ]
  for (let iteration = 1; iteration <= agent_mode.max_iteration; iteration++) {
    const decision = model(messages, iteration < agent_mode.max_iteration ? functions : [])
    if ('answer' in decision) return { answer: decision.answer, messages }
    const { text } = await callTool(decision.call, decision.arguments)
    messages.push({ role: 'assistant', content: '' }, { role: 'tool', content: text })
  }
  throw new Error('the model called a function in the last iteration')
}

function toFunction({ identity, description, parameters }: ToolDeclaration): OfferedFunction {
  const offered = parameters.filter(({ form }) => form === 'llm')
  return {
    name: identity.name,
    description: description.llm,
    parameters: {
      properties: Object.fromEntries(
        offered.map(({ name, type, llm_description, options }) => [
          name,
          {
            type: type === 'number' || type === 'boolean' ? type : 'string',
            description: llm_description ?? '',
            ...(options && { enum: options.map(({ value }) => value) }),
          },
        ]),
      ),
      required: offered.flatMap(({ name, required }) => (required ? [name] : [])),
    },
  }
}

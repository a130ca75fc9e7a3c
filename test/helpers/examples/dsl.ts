import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

/*
 * The part of Dify's app format that our examples use, as strict as the importer, the engine and the canvas need it:
 * an import is not validated by Dify, so that a mistake would show only when the app runs.
 */

/** Node ids end up in `{{#id.variable#}}`, whose grammar has no dash. */
const nodeId = z.string().regex(/^[A-Za-z0-9_]{1,50}$/)
const selector = z.tuple([nodeId, z.string().regex(/^[A-Za-z_]\w{0,29}$/)])

const input = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('mixed'), value: z.string() }),
  z.strictObject({ type: z.literal('variable'), value: selector }),
  z.strictObject({ type: z.literal('constant'), value: z.union([z.string(), z.number(), z.boolean()]) }),
])

const defaultValue = z.strictObject({
  key: z.string(),
  type: z.enum(['string', 'number', 'object', 'array[object]']),
  value: z.union([z.string(), z.number()]),
})

const onFailure = {
  // `fail-branch` between LLM and Answer would hold the text back.
  error_strategy: z.literal('default-value'),
  default_value: z.array(defaultValue),
  retry_config: z.strictObject({ retry_enabled: z.boolean(), max_retries: z.int(), retry_interval: z.int() }),
}

const named = { title: z.string().min(1), desc: z.string() }

const start = z.strictObject({ type: z.literal('start'), ...named, variables: z.array(z.never()) })

const tool = z.strictObject({
  type: z.literal('tool'),
  ...named,
  provider_id: z.string().regex(/^[a-z0-9_-]+(\/[a-z0-9_-]+){2}$/),
  provider_name: z.string(),
  // With `plugin` the editor finds no tool; without the node version no conversation reaches the plugin.
  provider_type: z.literal('builtin'),
  plugin_id: z.string().regex(/^[a-z0-9_-]+\/[a-z0-9_-]+$/),
  tool_name: z.string(),
  tool_label: z.string(),
  tool_description: z.string(),
  tool_node_version: z.literal('2'),
  is_team_authorization: z.literal(true),
  tool_parameters: z.record(z.string(), input),
  tool_configurations: z.strictObject({}),
  ...onFailure,
})

const llm = z.strictObject({
  type: z.literal('llm'),
  ...named,
  model: z.strictObject({
    provider: z.string().regex(/^[a-z0-9_-]+(\/[a-z0-9_-]+){2}$/),
    name: z.string(),
    mode: z.literal('chat'),
    completion_params: z.record(z.string(), z.number()),
  }),
  prompt_template: z.array(
    z.strictObject({ id: z.uuid(), role: z.enum(['system', 'user', 'assistant']), text: z.string() }),
  ),
  context: z.strictObject({ enabled: z.boolean(), variable_selector: z.array(z.string()) }),
  memory: z.strictObject({
    query_prompt_template: z.string().includes('{{#sys.query#}}'),
    window: z.strictObject({ enabled: z.literal(true), size: z.int().min(1).max(100) }),
    role_prefix: z.strictObject({ user: z.string(), assistant: z.string() }),
  }),
  vision: z.strictObject({ enabled: z.boolean() }),
  structured_output_enabled: z.boolean(),
})

const ifElse = z.strictObject({
  type: z.literal('if-else'),
  ...named,
  cases: z.array(
    z
      .strictObject({
        id: z.string(),
        case_id: z.string(),
        logical_operator: z.enum(['and', 'or']),
        conditions: z.array(
          z.strictObject({
            id: z.uuid(),
            // A boolean would need Dify 1.8.
            varType: z.literal('string'),
            variable_selector: selector,
            comparison_operator: z.enum(['is', 'is not']),
            value: z.string(),
          }),
        ),
      })
      .refine((one) => one.id === one.case_id),
  ),
})

const aggregator = z.strictObject({
  type: z.literal('variable-aggregator'),
  ...named,
  output_type: z.literal('string'),
  variables: z.array(selector).min(2),
})

const code = z.strictObject({
  type: z.literal('code'),
  ...named,
  code_language: z.literal('javascript'),
  code: z.string().startsWith('function main('),
  variables: z.array(z.strictObject({ variable: z.string(), value_selector: selector })),
  outputs: z.record(z.string(), z.strictObject({ type: z.literal('string'), children: z.null() })),
})

const httpRequest = z.strictObject({
  type: z.literal('http-request'),
  ...named,
  variables: z.array(z.never()),
  method: z.enum(['get', 'post']),
  url: z.string(),
  authorization: z.strictObject({ type: z.literal('no-auth'), config: z.null() }),
  headers: z.string(),
  params: z.string(),
  body: z.strictObject({
    type: z.enum(['none', 'json']),
    data: z
      .array(z.strictObject({ id: z.uuid(), key: z.literal(''), type: z.literal('text'), value: z.string() }))
      .max(1),
  }),
  ssl_verify: z.boolean(),
  timeout: z.strictObject({
    max_connect_timeout: z.int().max(10),
    max_read_timeout: z.int().max(10),
    max_write_timeout: z.int().max(10),
  }),
  ...onFailure,
})

const answer = z.strictObject({
  type: z.literal('answer'),
  ...named,
  answer: z.string(),
  variables: z.array(z.never()),
})

const node = z.strictObject({
  id: nodeId,
  type: z.literal('custom'),
  position: z.strictObject({ x: z.number(), y: z.number() }),
  sourcePosition: z.literal('right'),
  targetPosition: z.literal('left'),
  width: z.number(),
  height: z.number(),
  data: z.discriminatedUnion('type', [start, tool, llm, ifElse, aggregator, code, httpRequest, answer]),
})

const edge = z.strictObject({
  id: z.string(),
  type: z.literal('custom'),
  source: nodeId,
  sourceHandle: z.string(),
  target: nodeId,
  targetHandle: z.literal('target'),
  zIndex: z.literal(0),
  data: z.strictObject({
    sourceType: z.string(),
    targetType: z.string(),
    isInIteration: z.literal(false),
    isInLoop: z.literal(false),
  }),
})

const off = z.strictObject({ enabled: z.literal(false) })

const head = (mode: 'advanced-chat' | 'agent-chat') => ({
  // A string, and low: an unquoted 0.3 is a number and fails, a newer one asks for a confirmation.
  version: z.literal('0.3.1'),
  kind: z.literal('app'),
  app: z.strictObject({
    name: z.string().min(1),
    mode: z.literal(mode),
    icon: z.string(),
    icon_type: z.literal('emoji'),
    icon_background: z.string().regex(/^#[0-9A-F]{6}$/),
    description: z.string().max(400),
    use_icon_as_answer_icon: z.boolean(),
  }),
  // A package's hash changes with every build, so that only apps beside a package name it.
  dependencies: z.array(z.never()),
})

const chatflow = z.strictObject({
  ...head('advanced-chat'),
  workflow: z.strictObject({
    conversation_variables: z.array(z.never()),
    environment_variables: z.array(
      z.strictObject({
        id: z.uuid(),
        name: z.string(),
        value_type: z.enum(['string', 'secret']),
        value: z.string(),
        description: z.string().max(255),
        selector: z.tuple([z.literal('env'), z.string()]),
      }),
    ),
    features: z.strictObject({
      file_upload: off,
      opening_statement: z.string(),
      suggested_questions: z.array(z.string()),
      suggested_questions_after_answer: off,
      speech_to_text: off,
      text_to_speech: off.extend({ language: z.string(), voice: z.string() }),
      retriever_resource: off,
      sensitive_word_avoidance: off,
    }),
    graph: z.strictObject({
      viewport: z.strictObject({ x: z.number(), y: z.number(), zoom: z.number() }),
      nodes: z.array(node),
      edges: z.array(edge),
    }),
  }),
})

const agentApp = z.strictObject({
  ...head('agent-chat'),
  model_config: z.looseObject({
    pre_prompt: z.string(),
    agent_mode: z.strictObject({
      enabled: z.literal(true),
      max_iteration: z.int(),
      strategy: z.literal('function_call'),
      tools: z.array(
        z.looseObject({
          enabled: z.literal(true),
          provider_id: z.string(),
          provider_type: z.literal('builtin'),
          tool_name: z.string(),
          tool_parameters: z.strictObject({}),
        }),
      ),
    }),
  }),
})

export type Chatflow = z.infer<typeof chatflow>
export type AgentApp = z.infer<typeof agentApp>
export type Node = z.infer<typeof node>
export type ToolData = z.infer<typeof tool>

const read = (file: string): unknown =>
  parse(readFileSync(new URL(`../../../examples/dify/${file}`, import.meta.url), 'utf8'))

export const readExample = (file: string): Chatflow => chatflow.parse(read(file))
export const readAgentExample = (file: string): AgentApp => agentApp.parse(read(file))

/** A generated example with another window size. */
export const parseChatflow = (app: object): Chatflow => chatflow.parse(app)

/** The variables of `{{#node.variable#}}` in a text. */
function referencesIn(text: string): [string, string][] {
  return [...text.matchAll(/\{\{#([^#]*)#\}\}/g)].map(([, inner]) => {
    const [from = '', name = '', ...rest] = (inner ?? '').split('.')
    if (rest.length > 0) throw new Error(`${inner}: only node.variable is used here`)
    return [from, name]
  })
}

/** Every variable that a node reads. */
export function referencesOf({ data }: Node): [string, string][] {
  if (data.type === 'tool') {
    return Object.values(data.tool_parameters).flatMap(({ type, value }): [string, string][] => {
      if (type === 'variable') return [value]
      return type === 'mixed' ? referencesIn(value) : []
    })
  }
  if (data.type === 'llm')
    return referencesIn(
      [data.memory.query_prompt_template, ...data.prompt_template.map(({ text }) => text)].join(),
    )
  if (data.type === 'if-else')
    return data.cases.flatMap(({ conditions }) => conditions.map((one) => one.variable_selector))
  if (data.type === 'variable-aggregator') return data.variables
  if (data.type === 'code') return data.variables.map(({ value_selector }) => value_selector)
  if (data.type === 'http-request')
    return referencesIn(
      [data.url, data.headers, data.params, ...data.body.data.map(({ value }) => value)].join(),
    )
  return data.type === 'answer' ? referencesIn(data.answer) : []
}

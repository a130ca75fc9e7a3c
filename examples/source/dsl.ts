/** Builds apps in Dify's DSL: https://docs.dify.ai. Nothing here knows about memory. */
import { createHash } from 'node:crypto'
import { Document, Scalar } from 'yaml'

/** 1.7 reads it without a question, and newer versions upgrade it. */
const DSL_VERSION = '0.3.1'

const MODEL = { provider: 'langgenius/openai/openai', name: 'gpt-4o-mini', mode: 'chat' }

export interface AppInfo {
  name: string
  icon: string
  description: string
}

export interface PlacedNode {
  /** Column and row on the canvas. */
  at: readonly [number, number]
  /** The node's settings, without its id and position. */
  data: { type: string; title: string } & Record<string, unknown>
}

/** From, to, and the handle it leaves by: `source`, or the case of an If-Else node. */
export type Edge = readonly [from: string, to: string, handle?: string]

export interface Chatflow extends AppInfo {
  environment?: readonly {
    name: string
    value_type: 'string' | 'secret'
    value: string
    description: string
  }[]
  nodes: Readonly<Record<string, PlacedNode>>
  edges: readonly Edge[]
}

export type Variable = readonly [node: string, name: string]

/** The text of a variable in a template. */
export const ref = (node: string, name: string) => `{{#${node}.${name}#}}`

/** The same UUID for the same name, so that the files change only where the apps do. */
function stableUuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const off = { enabled: false }

function appHead({ name, icon, description }: AppInfo, mode: string) {
  return {
    version: DSL_VERSION,
    kind: 'app',
    app: {
      ...{ name, mode, icon, icon_type: 'emoji', icon_background: '#D5F5F6', description },
      use_icon_as_answer_icon: false,
    },
    dependencies: [],
  }
}

export function chatflow({ environment = [], nodes, edges, ...info }: Chatflow): object {
  return {
    ...appHead(info, 'advanced-chat'),
    workflow: {
      conversation_variables: [],
      environment_variables: environment.map((variable) => ({
        id: stableUuid(`${info.name}/${variable.name}`),
        ...variable,
        selector: ['env', variable.name],
      })),
      features: {
        file_upload: off,
        opening_statement: '',
        suggested_questions: [],
        suggested_questions_after_answer: off,
        speech_to_text: off,
        text_to_speech: { ...off, language: '', voice: '' },
        retriever_resource: off,
        sensitive_word_avoidance: off,
      },
      graph: {
        viewport: { x: 0, y: 0, zoom: 0.7 },
        nodes: Object.entries(nodes).map(([id, { at, data }]) => ({
          ...{ id, type: 'custom', position: { x: 80 + 300 * at[0], y: 280 + 140 * at[1] } },
          ...{ sourcePosition: 'right', targetPosition: 'left', width: 244, height: 90, data },
        })),
        edges: edges.map(([source, target, sourceHandle = 'source']) => ({
          id: `${source}-${sourceHandle}-${target}-target`,
          ...{ type: 'custom', source, sourceHandle, target, targetHandle: 'target', zIndex: 0 },
          data: {
            ...{ sourceType: nodes[source]?.data.type, targetType: nodes[target]?.data.type },
            ...{ isInIteration: false, isInLoop: false },
          },
        })),
      },
    },
  }
}

export interface AgentTool {
  provider_id: string
  tool_name: string
  tool_label: string
}

/** An agent app, whose model decides when it calls a tool. */
export function agentApp({
  instructions,
  tools,
  ...info
}: AppInfo & { instructions: string; tools: readonly AgentTool[] }): object {
  return {
    ...appHead(info, 'agent-chat'),
    model_config: {
      model: { ...MODEL, completion_params: { temperature: 0.7 } },
      pre_prompt: instructions,
      prompt_type: 'simple',
      chat_prompt_config: {},
      completion_prompt_config: {},
      user_input_form: [],
      dataset_query_variable: '',
      dataset_configs: { retrieval_model: 'multiple', datasets: { datasets: [] } },
      external_data_tools: [],
      agent_mode: {
        enabled: true,
        max_iteration: 5,
        strategy: 'function_call',
        tools: tools.map((tool) => ({
          ...{ enabled: true, isDeleted: false, notAuthor: false, provider_type: 'builtin' },
          ...{ ...tool, provider_name: tool.provider_id, tool_parameters: {} },
        })),
      },
      opening_statement: '',
      suggested_questions: [],
      suggested_questions_after_answer: off,
      more_like_this: off,
      speech_to_text: off,
      text_to_speech: { ...off, language: '', voice: '' },
      retriever_resource: off,
      sensitive_word_avoidance: { ...off, type: '', configs: [] },
    },
  }
}

export const start = () => ({ type: 'start', title: 'Start', desc: '', variables: [] })

export const answer = (text: string, title = 'Answer') => ({
  ...{ type: 'answer', title, desc: '', answer: text, variables: [] },
})

/** @param query the user's message as the model gets it; must contain `sys.query` */
export function llm(
  id: string,
  { system, query = ref('sys', 'query'), windowSize }: { system: string; query?: string; windowSize: number },
) {
  return {
    ...{ type: 'llm', title: 'LLM', desc: '', model: { ...MODEL, completion_params: { temperature: 0.7 } } },
    prompt_template: [{ id: stableUuid(id), role: 'system', text: system }],
    context: { enabled: false, variable_selector: [] },
    memory: {
      query_prompt_template: query,
      window: { enabled: true, size: windowSize },
      role_prefix: { user: '', assistant: '' },
    },
    vision: off,
    structured_output_enabled: false,
  }
}

/** @param cases the value that the text variable must have, by the handle of the case */
export function ifElse(
  title: string,
  desc: string,
  variable: Variable,
  cases: Readonly<Record<string, string>>,
) {
  return {
    ...{ type: 'if-else', title, desc },
    cases: Object.entries(cases).map(([handle, value]) => ({
      ...{ id: handle, case_id: handle, logical_operator: 'and' },
      conditions: [
        {
          id: stableUuid(`${title}/${handle}`),
          ...{ varType: 'string', variable_selector: [...variable], comparison_operator: 'is', value },
        },
      ],
    })),
  }
}

/** The first of the variables that exists: those of nodes that did not run do not. */
export const firstOf = (title: string, variables: readonly Variable[]) => ({
  ...{ type: 'variable-aggregator', title, desc: '', output_type: 'string' },
  variables: variables.map((variable) => [...variable]),
})

export function code(
  title: string,
  desc: string,
  source: string,
  inputs: Readonly<Record<string, Variable>>,
  outputs: readonly string[],
) {
  return {
    ...{ type: 'code', title, desc, code_language: 'javascript', code: source },
    variables: Object.entries(inputs).map(([variable, selector]) => ({
      variable,
      value_selector: [...selector],
    })),
    outputs: Object.fromEntries(outputs.map((name) => [name, { type: 'string', children: null }])),
  }
}

interface HttpRequest {
  method: 'get' | 'post'
  url: string
  headers?: readonly string[]
  params?: readonly string[]
  /** A template that renders to JSON. */
  json?: string
}

export function httpRequest(
  id: string,
  title: string,
  desc: string,
  { method, url, headers = [], params = [], json }: HttpRequest,
) {
  return {
    ...{ type: 'http-request', title, desc, variables: [], method, url },
    authorization: { type: 'no-auth', config: null },
    headers: headers.join('\n'),
    params: params.join('\n'),
    body:
      json === undefined
        ? { type: 'none', data: [] }
        : { type: 'json', data: [{ id: stableUuid(id), key: '', type: 'text', value: json }] },
    ssl_verify: true,
    // Seconds.
    timeout: { max_connect_timeout: 3, max_read_timeout: 5, max_write_timeout: 5 },
    ...onFailure([
      { key: 'status_code', type: 'number', value: 0 },
      { key: 'body', type: 'string', value: '' },
      { key: 'headers', type: 'object', value: '{}' },
    ]),
  }
}

export interface DefaultValue {
  key: string
  type: string
  value: string | number
}

/** A failed node has these outputs instead, and the chatflow continues. */
export const onFailure = (outputs: readonly DefaultValue[]) => ({
  error_strategy: 'default-value',
  default_value: [...outputs],
  retry_config: { retry_enabled: false, max_retries: 1, retry_interval: 200 },
})

export function toYaml(app: object, comment: string): string {
  // Dify reads YAML 1.1, in which unquoted words such as "on" are booleans.
  const document = new Document(app, { version: '1.1', aliasDuplicateObjects: false })
  document.commentBefore = comment
    .split('\n')
    .map((line) => ` ${line}`)
    .join('\n')
  const version = document.get('version', true)
  if (version instanceof Scalar) version.type = Scalar.QUOTE_DOUBLE
  return document.toString({ lineWidth: 110, directives: false })
}

/** The plugin's nodes as they stand in an app, from the plugin's own definitions. */
import { loadPlugin } from '@dify/plugin-sdk-ts'
import { nodes } from '../../tools/index.ts'
import { type AgentTool, type DefaultValue, onFailure, ref } from './dsl.ts'

const { manifest, provider } = await loadPlugin(new URL('../../', import.meta.url))
const PLUGIN = `${manifest.author}/${manifest.name}`
const PROVIDER = `${PLUGIN}/${provider.identity.name}`

/** What every node that has one of these parameters is bound to. */
const BINDINGS: Readonly<Record<string, string>> = {
  query: ref('sys', 'query'),
  user_id: ref('sys', 'user_id'),
  conversation_id: ref('sys', 'conversation_id'),
  turn: ref('sys', 'dialogue_count'),
}

interface Settings {
  title?: string
  desc: string
  parameters?: Readonly<Record<string, string | number>>
}

export function memoryNode(tool: string, { title, desc, parameters = {} }: Settings) {
  const { label, declared } = find(tool)
  const bound = Object.entries(BINDINGS).filter(([name]) => declared.some((one) => one.name === name))
  const given = Object.entries({ ...Object.fromEntries(bound), ...parameters })
  return {
    ...{ type: 'tool', title: title ?? label, desc },
    ...{ provider_id: PROVIDER, provider_name: PROVIDER, provider_type: 'builtin', plugin_id: PLUGIN },
    ...{ tool_name: tool, tool_label: label, tool_description: '' },
    // Without it no conversation reaches the plugin.
    tool_node_version: '2',
    is_team_authorization: true,
    tool_parameters: Object.fromEntries(
      given.map(([name, value]) => {
        const type = declared.find((one) => one.name === name)?.type
        if (!type) throw new Error(`${tool}: expected a declared parameter, got ${name}`)
        return [name, { type: type === 'string' ? 'mixed' : 'constant', value }]
      }),
    ),
    tool_configurations: {},
    ...onFailure(defaultsOf(tool)),
  }
}

export function agentTool(tool: string): AgentTool {
  return { provider_id: PROVIDER, tool_name: tool, tool_label: find(tool).label }
}

function find(tool: string) {
  const found = provider.tools.find(({ identity }) => identity.name === tool)
  if (!found) throw new Error(`expected a node of the plugin, got ${tool}`)
  return { label: found.identity.label.en_US, declared: found.parameters ?? [] }
}

/** Every output, because Dify prints a variable that is missing by its name. */
function defaultsOf(tool: string): DefaultValue[] {
  const neutral = nodes.find(({ name }) => name === tool)?.outputs ?? {}
  const outputs = { text: '', json: [], ...neutral, status: 'error', error: 'the node failed' }
  return Object.entries(outputs).map(([key, value]: [string, unknown]) => {
    if (typeof value === 'string' || typeof value === 'number') return { key, type: typeof value, value }
    return { key, type: Array.isArray(value) ? 'array[object]' : 'object', value: JSON.stringify(value) }
  })
}

export const usesPlugin = (app: object): boolean => JSON.stringify(app).includes(`"${PROVIDER}"`)

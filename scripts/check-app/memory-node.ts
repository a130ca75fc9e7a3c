import type { z } from 'zod'
import { nodes as definitions } from '../../tools/index.ts'
import type { App, AppNode } from './read-app.ts'

/** A node of the plugin in an app. */
export interface MemoryNode extends AppNode {
  tool: string
  /** What Dify lists as outputs of the node. */
  outputs: string[]
  declares: (parameter: string) => boolean
  /** A template, a constant or `VARIABLE`; undefined where the parameter is not set. */
  bound: (parameter: string) => string | number | boolean | undefined
}

/** A parameter that is bound to a variable, whose value is not known here. */
const VARIABLE = '{{#variable#}}'

const BUILT_IN = ['text', 'json', 'files', 'error_message', 'error_type']

/** The author is a tenant's id where the plugin was connected for debugging. */
export const isPlugin = (provider: unknown) =>
  typeof provider === 'string' && /(^|\/)hippocache\/hippocache$/.test(provider)

export function memoryNodesOf({ nodes }: App): MemoryNode[] {
  return nodes.flatMap((node) => {
    const { provider_id, tool_name, tool_parameters, tool_configurations } = node.data
    const definition = definitions.find(({ name }) => name === tool_name)
    if (node.type !== 'tool' || !isPlugin(provider_id) || !definition) return []
    const shape: z.ZodRawShape = definition.parameters
    const given: Record<string, unknown> = { ...toRecord(tool_configurations), ...toRecord(tool_parameters) }
    return {
      ...node,
      tool: definition.name,
      outputs: [...BUILT_IN, ...Object.keys(definition.outputs)],
      declares: (parameter) => parameter in shape,
      bound: (parameter) => readInput(given[parameter]),
    }
  })
}

/** Whether a bound value is or contains a variable. */
export const isVariable = (value: unknown) => typeof value === 'string' && value.includes('{{#')

function readInput(input: unknown): string | number | boolean | undefined {
  const { type, value } = toRecord(input)
  if (type === 'variable') return Array.isArray(value) && value.length > 1 ? VARIABLE : undefined
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

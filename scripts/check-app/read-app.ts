import { parse } from 'yaml'
import { z } from 'zod'

/** A variable that a node reads: `{{#node.name#}}` in a text, or a selector. */
export interface Reference {
  node: string
  name: string
}

export interface AppNode {
  id: string
  title: string
  type: string
  data: Record<string, unknown>
  references: Reference[]
}

export interface App {
  mode: string
  nodes: AppNode[]
  edges: { source: string; target: string }[]
  /** Names of the tools of an agent app. */
  agentTools: { provider: string; name: string }[]
}

const text = z.string().catch('')
const Data = z.looseObject({ type: text, title: text })
const Tool = z.looseObject({ provider_id: text, tool_name: text, enabled: z.boolean().catch(true) })
const Dsl = z.looseObject({
  app: z.looseObject({ mode: z.string() }),
  workflow: z
    .looseObject({
      graph: z.looseObject({
        nodes: z.array(z.looseObject({ id: z.coerce.string(), data: Data })),
        edges: z.array(z.looseObject({ source: z.coerce.string(), target: z.coerce.string() })),
      }),
    })
    .nullish(),
  model_config: z
    .looseObject({ agent_mode: z.looseObject({ tools: z.array(Tool).catch([]) }).nullish() })
    .nullish(),
})

/** @throws {Error} for a text that is no app exported from Dify */
export function readApp(text: string): App {
  const parsed = Dsl.safeParse(parse(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(
      `expected an app exported from Dify, got ${issue?.path.join('.') || 'a file'}: ${issue?.message}`,
    )
  }
  const { app, workflow, model_config } = parsed.data
  const { nodes = [], edges = [] } = workflow?.graph ?? {}
  return {
    mode: app.mode,
    nodes: nodes.map(({ id, data }) => ({
      ...{ id, title: data.title || id, type: data.type, data },
      references: referencesIn(data),
    })),
    edges: edges.map(({ source, target }) => ({ source, target })),
    agentTools: (model_config?.agent_mode?.tools ?? [])
      .filter(({ enabled }) => enabled)
      .map(({ provider_id, tool_name }) => ({ provider: provider_id, name: tool_name })),
  }
}

const TEMPLATE = /\{\{#([A-Za-z0-9_-]+)\.([A-Za-z_]\w*)[^#]*#\}\}/g

function referencesIn(value: unknown, key = ''): Reference[] {
  if (typeof value === 'string') {
    return [...value.matchAll(TEMPLATE)].map(([, node = '', name = '']) => ({ node, name }))
  }
  if (Array.isArray(value)) {
    if (/selector$/.test(key) || key === 'variables[]') {
      const [node, name] = value
      if (typeof node === 'string' && typeof name === 'string') return [{ node, name }]
    }
    return value.flatMap((item) => referencesIn(item, `${key}[]`))
  }
  if (typeof value !== 'object' || value === null) return []
  const isVariable = 'type' in value && value.type === 'variable'
  return Object.entries(value).flatMap(([name, item]) =>
    referencesIn(item, isVariable && name === 'value' ? 'selector' : name),
  )
}

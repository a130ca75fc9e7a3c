import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { exampleFiles } from '../../../examples/source/files.ts'
import {
  type Node,
  readAgentExample,
  readExample,
  referencesOf,
  type ToolData,
} from '../../helpers/examples/dsl.ts'
import { declaration, outputSchema } from '../../helpers/tools/run-tool.ts'

const folder = new URL('../../../examples/dify/', import.meta.url)
const files = readdirSync(folder).filter((file) => file.endsWith('.yml'))

/** What a chatflow knows without a node. */
const SYS = [
  'query',
  'files',
  'conversation_id',
  'user_id',
  'dialogue_count',
  'app_id',
  'workflow_id',
  'workflow_run_id',
]
const BUILT_IN: Record<string, string> = { text: 'string', json: 'array[object]' }

/** Output variables with their types, as the editor would list them. */
function outputsOf({ data }: Node): Record<string, string> {
  if (data.type === 'tool') {
    const declared = Object.entries(outputSchema(data.tool_name)).map(([name, { type, items }]) => {
      return [name, type === 'array' ? `array[${items?.type}]` : type]
    })
    return { ...BUILT_IN, ...Object.fromEntries(declared) }
  }
  if (data.type === 'llm') return { text: 'string' }
  if (data.type === 'http-request') return { status_code: 'number', body: 'string', headers: 'object' }
  if (data.type === 'code')
    return Object.fromEntries(Object.entries(data.outputs).map(([name, { type }]) => [name, type]))
  return data.type === 'variable-aggregator' ? { output: data.output_type } : {}
}

const handlesOf = ({ data }: Node): string[] =>
  data.type === 'if-else' ? [...data.cases.map((one) => one.case_id), 'false'] : ['source']

const parametersOf = (name: string) =>
  declaration.provider.tools.find(({ identity }) => identity.name === name)?.parameters ?? []

describe('the examples', () => {
  it('are what `npm run examples` writes', () => {
    const generated = exampleFiles()
    expect(files.toSorted()).toEqual([...generated.keys()].toSorted())
    for (const [file, text] of generated) expect(readFileSync(new URL(file, folder), 'utf8'), file).toBe(text)
  })

  it('are listed in their README', () => {
    const readme = readFileSync(new URL('README.md', folder), 'utf8')
    expect(files.filter((file) => !readme.includes(`[${file}](${file})`))).toEqual([])
  })

  it('ask for the package that they were written beside, if they use the plugin', () => {
    const identifier = `hippocache/hippocache:0.1.0@${'0'.repeat(64)}`
    const asking = [...exampleFiles(identifier)].filter(([, text]) => text.includes(identifier))
    expect(asking.map(([file]) => file).toSorted()).toEqual(
      files.filter((file) => file !== 'http-only.yml').toSorted(),
    )
    expect(parse(asking[0]?.[1] ?? '').dependencies).toEqual([
      {
        current_identifier: null,
        type: 'package',
        value: { plugin_unique_identifier: identifier, version: null },
      },
    ])
  })
})

describe('agent.yml', () => {
  const { agent_mode, pre_prompt } = readAgentExample('agent.yml').model_config

  it('has the tools that its instructions name, none of which changes a memory', () => {
    const names = agent_mode.tools.map(({ tool_name }) => tool_name)
    expect(names).toEqual(['retrieve_memory', 'add_memory'])
    for (const name of names) expect(pre_prompt).toContain(name)
    for (const { provider_id } of agent_mode.tools)
      expect(provider_id).toBe('hippocache/hippocache/hippocache')
  })
})

describe.each(files.filter((file) => file !== 'agent.yml'))('%s', (file) => {
  const example = readExample(file)
  const { nodes, edges } = example.workflow.graph
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const environment = example.workflow.environment_variables.map(({ name }) => name)
  const toolNodes = nodes.filter((node): node is Node & { data: ToolData } => node.data.type === 'tool')

  /** The nodes that run before a node on some way to it. */
  function ancestorsOf(id: string, seen = new Set<string>()): Set<string> {
    for (const { source, target } of edges) {
      if (target !== id || seen.has(source)) continue
      seen.add(source)
      ancestorsOf(source, seen)
    }
    return seen
  }

  it('has unique ids of nodes, edges, prompts and conditions', () => {
    const prompts = nodes.flatMap(({ data }) =>
      data.type === 'llm' ? data.prompt_template.map(({ id }) => id) : [],
    )
    const conditions = nodes.flatMap(({ data }) =>
      data.type === 'if-else' ? data.cases.flatMap((one) => one.conditions.map(({ id }) => id)) : [],
    )
    for (const ids of [nodes.map(({ id }) => id), edges.map(({ id }) => id), [...prompts, ...conditions]])
      expect(new Set(ids).size).toBe(ids.length)
  })

  it('connects existing nodes, and each handle of a node that has successors', () => {
    for (const edge of edges) {
      const source = byId.get(edge.source)
      const target = byId.get(edge.target)
      if (!source || !target) throw new Error(`${edge.id} hangs in the air`)
      expect(handlesOf(source), edge.id).toContain(edge.sourceHandle)
      expect(edge.data).toMatchObject({ sourceType: source.data.type, targetType: target.data.type })
      expect(edge.id).toBe(`${edge.source}-${edge.sourceHandle}-${edge.target}-target`)
    }
    const wanted = nodes
      .filter(({ id, data }) => data.type !== 'answer' && id !== 'save_message')
      .flatMap((node) => handlesOf(node).map((handle) => `${node.id}.${handle}`))
    const connected = new Set(edges.map(({ source, sourceHandle }) => `${source}.${sourceHandle}`))
    expect([...connected].sort()).toEqual(wanted.sort())
  })

  it('is an acyclic graph from one start, of which only Answer and Add Message are ends', () => {
    const starts = nodes.filter(({ data }) => data.type === 'start').map(({ id }) => id)
    expect(starts.length).toBe(1)
    const ends = nodes.filter(({ id }) => !edges.some(({ source }) => source === id))
    expect(ends.filter(({ data }) => data.type !== 'answer').map(({ id }) => id)).toEqual(['save_message'])
    for (const { id } of nodes) {
      expect(ancestorsOf(id).has(id), `${id} runs before itself`).toBe(false)
      if (id !== starts[0]) expect(ancestorsOf(id).has(starts[0] ?? ''), `${id} is reached`).toBe(true)
    }
  })

  it('reads only existing variables of earlier nodes', () => {
    for (const node of nodes) {
      for (const [from, name] of referencesOf(node)) {
        const where = `${node.id} reads ${from}.${name}`
        if (from === 'sys') expect(SYS, where).toContain(name)
        else if (from === 'env') expect(environment, where).toContain(name)
        else {
          const source = byId.get(from)
          expect(source && Object.keys(outputsOf(source)), where).toContain(name)
          expect([...ancestorsOf(node.id)], where).toContain(from)
        }
      }
    }
  })

  it('has a default of the right type for each output of a failing node', () => {
    for (const node of nodes) {
      if (!('default_value' in node.data)) continue
      const listed = node.data.default_value.map(({ key, type }) => [key, type])
      expect(Object.fromEntries(listed), node.id).toEqual(outputsOf(node))
      expect(listed.length).toBe(Object.keys(outputsOf(node)).length)
      for (const { type, value } of node.data.default_value) {
        if (type === 'string' || type === 'number') expect(typeof value).toBe(type)
        else expect(JSON.parse(String(value))).toEqual(type === 'object' ? {} : [])
      }
    }
  })

  it('binds all required and only declared parameters', () => {
    for (const { id, data } of toolNodes) {
      const parameters = parametersOf(data.tool_name)
      const bound = Object.keys(data.tool_parameters)
      expect(
        parameters.map(({ name }) => name),
        id,
      ).toEqual(expect.arrayContaining(bound))
      const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name)
      expect(bound, id).toEqual(expect.arrayContaining(required))
      for (const parameter of parameters) {
        const given = data.tool_parameters[parameter.name]
        if (given?.type !== 'constant') continue
        if (parameter.type === 'number') expect(typeof given.value, `${id}.${parameter.name}`).toBe('number')
        if (parameter.options) expect(parameter.options.map(({ value }) => value)).toContain(given.value)
      }
    }
  })

  it('refers to this plugin', () => {
    const { author, name } = declaration.manifest
    const provider = `${author}/${name}/${declaration.provider.identity.name}`
    for (const { data } of toolNodes) {
      expect(data).toMatchObject({
        provider_id: provider,
        provider_name: provider,
        plugin_id: `${author}/${name}`,
      })
      const found = declaration.provider.tools.find(({ identity }) => identity.name === data.tool_name)
      expect(data.tool_label).toBe(found?.identity.label.en_US)
    }
  })

  it('uses one window size, and binds user, conversation and turn in each node', () => {
    const sizes = nodes.flatMap(({ data }) => (data.type === 'llm' ? [data.memory.window.size] : []))
    expect(sizes).toEqual([10])
    for (const { id, data } of toolNodes) {
      const names = parametersOf(data.tool_name).map(({ name }) => name)
      const given = data.tool_parameters
      expect(given['conversation_id'], id).toEqual({ type: 'mixed', value: '{{#sys.conversation_id#}}' })
      expect(given['turn'], id).toEqual({ type: 'mixed', value: '{{#sys.dialogue_count#}}' })
      // A block that is kept outlives the window it was made in, and may leave nothing out because of it.
      const outlives =
        data.tool_name === 'retrieve_memory' && toolNodes.some((one) => one.data.tool_name === 'cache_set')
      const window = { type: 'constant', value: outlives ? 0 : 10 }
      if (names.includes('window_size')) expect(given['window_size'], id).toEqual(window)
      if (names.includes('user_id'))
        expect(given['user_id'], id).toEqual({ type: 'mixed', value: '{{#sys.user_id#}}' })
    }
  })

  it('stores the message before the LLM runs, and the turn between LLM and Answer', () => {
    const next = (id: string) => edges.filter(({ source }) => source === id).map(({ target }) => target)
    expect(next('save')).toEqual(['answer'])
    expect(ancestorsOf('save')).toContain('llm')
    expect(ancestorsOf('save_message')).not.toContain('llm')
    expect(ancestorsOf('llm')).not.toContain('save_message')
    const stores = (id: string) => JSON.stringify(byId.get(id)?.data)
    for (const id of ['save', 'save_message']) expect(stores(id)).toMatch(/"add_memory"|\/v1\/memories/)
  })
})

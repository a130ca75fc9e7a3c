import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Node, readExample, referencesOf, type ToolData } from '../../helpers/examples/dsl.ts'
import { declaration, outputSchema } from '../../helpers/tools/run-tool.ts'

const files = readdirSync(new URL('../../../examples/dify', import.meta.url)).filter((file) =>
  file.endsWith('.yml'),
)

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
  return data.type === 'variable-aggregator' ? { output: data.output_type } : {}
}

const handlesOf = ({ data }: Node): string[] =>
  data.type === 'if-else' ? [...data.cases.map((one) => one.case_id), 'false'] : ['source']

const parametersOf = (name: string) =>
  declaration.provider.tools.find(({ identity }) => identity.name === name)?.parameters ?? []

it('there are examples', () =>
  expect(files).toEqual(['cached-delta.yml', 'cached-node.yml', 'cached.yml', 'per-query.yml']))

describe.each(files)('%s', (file) => {
  const example = readExample(file)
  const { nodes, edges } = example.workflow.graph
  const byId = new Map(nodes.map((node) => [node.id, node]))
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

  it('connects existing nodes and handles, each handle once', () => {
    for (const edge of edges) {
      const source = byId.get(edge.source)
      const target = byId.get(edge.target)
      if (!source || !target) throw new Error(`${edge.id} hangs in the air`)
      expect(handlesOf(source), edge.id).toContain(edge.sourceHandle)
      expect(edge.data).toMatchObject({ sourceType: source.data.type, targetType: target.data.type })
      expect(edge.id).toBe(`${edge.source}-${edge.sourceHandle}-${edge.target}-target`)
    }
    const wanted = nodes
      .filter(({ data }) => data.type !== 'answer')
      .flatMap((node) => handlesOf(node).map((handle) => `${node.id}.${handle}`))
    expect(edges.map(({ source, sourceHandle }) => `${source}.${sourceHandle}`).sort()).toEqual(wanted.sort())
  })

  it('is an acyclic graph from one start through every node to one answer', () => {
    const starts = nodes.filter(({ data }) => data.type === 'start').map(({ id }) => id)
    const answers = nodes.filter(({ data }) => data.type === 'answer').map(({ id }) => id)
    expect([starts.length, answers.length]).toEqual([1, 1])
    expect([...ancestorsOf(answers[0] ?? '')].sort()).toEqual(
      nodes
        .map(({ id }) => id)
        .filter((id) => id !== answers[0])
        .sort(),
    )
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
        else {
          const source = byId.get(from)
          expect(source && Object.keys(outputsOf(source)), where).toContain(name)
          expect([...ancestorsOf(node.id)], where).toContain(from)
        }
      }
    }
  })

  it('has a default of the right type for each output of a failing node', () => {
    for (const node of toolNodes) {
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

  it('stores the turn between LLM and Answer', () => {
    const next = (id: string) => edges.filter(({ source }) => source === id).map(({ target }) => target)
    expect(next('llm')).toEqual(['save'])
    expect(byId.get('save')?.data).toMatchObject({ tool_name: 'add_memory' })
    expect(next('save')).toEqual(['answer'])
  })
})

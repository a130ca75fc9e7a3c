import type { App, Node } from '../../helpers/examples/dsl.ts'
import { runTool } from '../../helpers/tools/run-tool.ts'

type Pool = Map<string, Record<string, unknown>>

export interface Turn {
  query: string
  user_id: string
  conversation_id: string
  dialogue_count: number
}

export interface Run {
  answer: string
  /** The LLM node's system prompt, as the model would see it. */
  prompt: string
  /** The user's message, as the model would see it. */
  question: string
  /** The nodes that ran, in order. */
  ran: string[]
  /** Outputs by node. */
  pool: Pool
}

/**
 * Plays one turn through an app as Dify's engine would, as far as our examples need it: tools run through the SDK,
 * the model is the function given.
 */
export async function runFlow(
  app: App,
  turn: Turn,
  credentials: Record<string, unknown>,
  model: (prompt: string) => string,
): Promise<Run> {
  const { nodes, edges } = app.workflow.graph
  const pool: Pool = new Map([['sys', { ...turn }]])
  const run: Run = { answer: '', prompt: '', question: '', ran: [], pool }
  let next = nodes.find(({ data }) => data.type === 'start')
  while (next) {
    const node: Node = next
    run.ran.push(node.id)
    const handle = await execute(node)
    // With If-Else as the only fork, one way is taken at a time and a join has one live way in.
    const taken = edges.find(({ source, sourceHandle }) => source === node.id && sourceHandle === handle)
    next = nodes.find(({ id }) => id === taken?.target)
  }
  return run

  async function execute({ id, data }: Node): Promise<string> {
    if (data.type === 'tool') {
      const parameters = Object.entries(data.tool_parameters).map(([name, { type, value }]) => {
        if (type === 'variable') return [name, pool.get(value[0])?.[value[1]]]
        return [name, type === 'mixed' ? render(value, pool) : value]
      })
      const outcome = await runTool({
        tool: data.tool_name,
        parameters: Object.fromEntries(parameters),
        credentials,
        conversationId: turn.conversation_id,
        userId: 'internal-end-user-id',
      })
      const failed = Object.fromEntries(data.default_value.map(({ key, value }) => [key, value]))
      pool.set(id, outcome.error ? failed : { text: outcome.text, json: outcome.json, ...outcome.variables })
    } else if (data.type === 'llm') {
      run.prompt = render(data.prompt_template.map(({ text }) => text).join('\n'), pool)
      run.question = render(data.memory.query_prompt_template, pool)
      pool.set(id, { text: model(run.prompt) })
    } else if (data.type === 'variable-aggregator') {
      const found = data.variables.find(([from, name]) => pool.get(from)?.[name] !== undefined)
      pool.set(id, { output: found && pool.get(found[0])?.[found[1]] })
    } else if (data.type === 'answer') {
      run.answer = render(data.answer, pool)
    } else if (data.type === 'if-else') {
      const met = data.cases.find(({ conditions }) =>
        conditions.every(({ variable_selector: [from, name], comparison_operator, value }) => {
          return (pool.get(from)?.[name] === value) === (comparison_operator === 'is')
        }),
      )
      return met?.case_id ?? 'false'
    }
    return 'source'
  }
}

/** A reference that does not resolve stays as its own name, as in Dify. */
function render(template: string, pool: Pool): string {
  return template.replace(/\{\{#(\w+)\.(\w+)#\}\}/g, (_, from: string, name: string) => {
    const value = pool.get(from)?.[name]
    return value === undefined ? `${from}.${name}` : String(value)
  })
}

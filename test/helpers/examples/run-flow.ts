import { runInNewContext } from 'node:vm'
import type { Chatflow, Node } from './dsl.ts'
import { type HttpCall, sendRequest } from './http-node.ts'

type Pool = Map<string, Record<string, unknown>>

export interface Turn {
  query: string
  user_id: string
  conversation_id: string
  dialogue_count: number
}

/** A turn of the conversation as Dify keeps it. */
export interface PastTurn {
  query: string
  answer: string
}

export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string
}

export interface ToolOutcome {
  text: string
  json: unknown[]
  variables: Record<string, unknown>
  error?: unknown
}

export interface Surroundings {
  callTool: (tool: string, parameters: Record<string, unknown>, turn: Turn) => Promise<ToolOutcome>
  /** Answers the messages of an LLM node. What it throws stops the chatflow, as the user does. */
  model: (messages: Message[]) => string
  /** The earlier turns of this conversation. */
  history?: readonly PastTurn[]
  /** Values that replace those of the app's environment variables. */
  environment?: Readonly<Record<string, string>>
}

export interface Run {
  answer: string
  /** What the model was sent; empty if no LLM node ran. */
  messages: Message[]
  /** The system prompt. */
  prompt: string
  /** The user's message. */
  question: string
  /** The nodes that ran, in the order of their starts. */
  ran: string[]
  /** Outputs by node. */
  pool: Pool
}

/**
 * Plays one turn through a chatflow as Dify's engine would, as far as our examples need it. Branches run in parallel; a
 * node waits for all nodes before it, and is skipped when no edge to it was taken.
 */
export async function runFlow(app: Chatflow, turn: Turn, surroundings: Surroundings): Promise<Run> {
  const { nodes, edges } = app.workflow.graph
  const environment = app.workflow.environment_variables.map(({ name, value }) => [name, value])
  const pool: Pool = new Map([
    ['sys', { ...turn }],
    ['env', { ...Object.fromEntries(environment), ...surroundings.environment }],
  ])
  const run: Run = { answer: '', messages: [], prompt: '', question: '', ran: [], pool }
  const handles = new Map<string, Promise<string | undefined>>()
  const settled = await Promise.allSettled(nodes.map(handleOf))
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return run

  /** The handle by which a node is left; undefined if it is skipped. */
  function handleOf(node: Node): Promise<string | undefined> {
    const running = handles.get(node.id) ?? afterItsSources(node)
    handles.set(node.id, running)
    return running
  }

  async function afterItsSources(node: Node): Promise<string | undefined> {
    const incoming = edges.filter(({ target }) => target === node.id)
    const taken = await Promise.all(
      incoming.map(async ({ source, sourceHandle }) => {
        const from = nodes.find(({ id }) => id === source)
        return from !== undefined && (await handleOf(from)) === sourceHandle
      }),
    )
    if (incoming.length > 0 && !taken.includes(true)) return undefined
    run.ran.push(node.id)
    return execute(node)
  }

  async function execute({ id, data }: Node): Promise<string> {
    if (data.type === 'if-else') {
      const met = data.cases.find(({ conditions }) =>
        conditions.every(({ variable_selector: [from, name], comparison_operator, value }) => {
          return (pool.get(from)?.[name] === value) === (comparison_operator === 'is')
        }),
      )
      return met?.case_id ?? 'false'
    }
    if (data.type === 'tool') {
      const parameters = Object.entries(data.tool_parameters).map(([name, { type, value }]) => {
        if (type === 'variable') return [name, pool.get(value[0])?.[value[1]]]
        return [name, type === 'mixed' ? render(value, pool) : value]
      })
      const outcome = await surroundings.callTool(data.tool_name, Object.fromEntries(parameters), turn)
      pool.set(
        id,
        outcome.error ? defaultsOf(data) : { text: outcome.text, json: outcome.json, ...outcome.variables },
      )
    } else if (data.type === 'http-request') {
      pool.set(id, (await sendRequest(rendered(data))) ?? defaultsOf(data))
    } else if (data.type === 'code') {
      const inputs = Object.fromEntries(
        data.variables.map(({ variable, value_selector: [from, name] }) => [
          variable,
          pool.get(from)?.[name],
        ]),
      )
      pool.set(id, runInNewContext(`${data.code}\nmain(inputs)`, { inputs }))
    } else if (data.type === 'llm') {
      const size = data.memory.window.size
      // The turn in flight takes a slot of the window.
      const shown = size > 1 ? (surroundings.history ?? []).slice(1 - size) : []
      run.prompt = render(data.prompt_template.map(({ text }) => text).join('\n'), pool)
      run.question = render(data.memory.query_prompt_template, pool)
      run.messages = [
        { role: 'system', content: run.prompt },
        ...shown.flatMap(({ query, answer }): Message[] => [
          { role: 'user', content: query },
          { role: 'assistant', content: answer },
        ]),
        { role: 'user', content: run.question },
      ]
      pool.set(id, { text: surroundings.model(run.messages) })
    } else if (data.type === 'variable-aggregator') {
      const found = data.variables.find(([from, name]) => pool.get(from)?.[name] !== undefined)
      pool.set(id, { output: found && pool.get(found[0])?.[found[1]] })
    } else if (data.type === 'answer') {
      run.answer += render(data.answer, pool)
    }
    return 'source'
  }

  function rendered({
    method,
    url,
    headers,
    params,
    body,
  }: Extract<Node['data'], { type: 'http-request' }>): HttpCall {
    return {
      method,
      url: render(url, pool),
      headers: render(headers, pool),
      params: render(params, pool),
      body: body.data[0] && render(body.data[0].value, pool),
    }
  }
}

const defaultsOf = ({ default_value }: { default_value: { key: string; value: unknown }[] }) =>
  Object.fromEntries(default_value.map(({ key, value }) => [key, value]))

/** A reference that does not resolve stays as its own name, as in Dify. */
function render(template: string, pool: Pool): string {
  return template.replace(/\{\{#(\w+)\.(\w+)#\}\}/g, (_, from: string, name: string) => {
    const value = pool.get(from)?.[name]
    return value === undefined ? `${from}.${name}` : String(value)
  })
}

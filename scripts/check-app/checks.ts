import { type Graph, openGraph } from './graph.ts'
import { isPlugin, isVariable, type MemoryNode, memoryNodesOf } from './memory-node.ts'
import type { App, AppNode } from './read-app.ts'
import { checkStrategy } from './strategy.ts'

export interface Finding {
  /** Title of the node, empty for the app. */
  node: string
  /** What is wrong, and what to do. */
  text: string
}

/** Dify's value where the window of an LLM node is switched off. */
const WINDOW_OFF = 500
/** The default of the parameter. */
const DEFAULT_WINDOW = 10

/** Everything that keeps the memory of an app from working, in the order of its nodes. */
export function checkApp(app: App): Finding[] {
  const memoryNodes = memoryNodesOf(app)
  const graph = openGraph(app)
  const inApp = app.mode === 'agent-chat' ? checkAgent(app) : checkNodes(memoryNodes)
  const inNodes = app.nodes.flatMap((node) => {
    const memory = memoryNodes.find(({ id }) => id === node.id)
    const texts = [
      ...checkReferences(node, app, memoryNodes),
      ...(memory ? [...checkIdentity(memory, app), ...checkWindow(memory, graph, memoryNodes)] : []),
      ...(memory?.tool === 'retrieve_memory' ? checkStrategy(memory, graph, memoryNodes) : []),
    ]
    return texts.map((text) => ({ node: node.title, text }))
  })
  return [...inApp.map((text) => ({ node: '', text })), ...inNodes]
}

export const usesMemory = (app: App) =>
  memoryNodesOf(app).length > 0 || app.agentTools.some(({ provider }) => isPlugin(provider))

const READS = ['retrieve_memory', 'profile', 'list_memories']
const NOTHING_STORED = 'Add Memory is missing, so that nothing is remembered.'
const NOTHING_READ = 'memory is stored and never read.'

function checkNodes(memoryNodes: readonly MemoryNode[]): string[] {
  const has = (tools: readonly string[]) => memoryNodes.some(({ tool }) => tools.includes(tool))
  const reads = has(READS)
  const stores = has(['add_memory'])
  if (reads && !stores) return [`${NOTHING_STORED} Put it between LLM and Answer.`]
  if (stores && !reads) return [`${NOTHING_READ} Put Retrieve Memory before the LLM.`]
  return []
}

function checkAgent({ agentTools }: App): string[] {
  const has = (names: readonly string[]) =>
    agentTools.some(({ provider, name }) => isPlugin(provider) && names.includes(name))
  const [reads, stores] = [has(READS), has(['add_memory'])]
  if (reads && !stores) return [`${NOTHING_STORED} Add it to the tools of the agent.`]
  if (stores && !reads) return [`${NOTHING_READ} Add Retrieve Memory to the tools of the agent.`]
  return []
}

const NO_NODES = ['sys', 'env', 'conversation', 'rag']

function checkReferences(node: AppNode, app: App, memoryNodes: readonly MemoryNode[]): string[] {
  const texts = node.references.flatMap(({ node: from, name }) => {
    if (NO_NODES.includes(from)) return []
    const source = app.nodes.find(({ id }) => id === from)
    if (!source) return [`reads ${from}.${name}, but the app has no node ${from}. Insert the variable again.`]
    const memory = memoryNodes.find(({ id }) => id === from)
    if (!memory || memory.outputs.includes(name)) return []
    return [
      `reads ${name} of ${source.title}, which has no such output and prints as "${from}.${name}". Its outputs: ${memory.outputs.slice(5).join(', ')}.`,
    ]
  })
  return [...new Set(texts)]
}

/** What happens without a turn number, by tool. */
const WITHOUT_TURN: Readonly<Record<string, string>> = {
  add_memory: 'a regenerated answer is stored as another turn',
  retrieve_memory: 'nothing is cached, and memories of turns in the window are repeated',
  cache_get: 'the value is served until it expires, whatever the window shows',
  cache_set: 'the value is served until it expires, whatever the window shows',
  record_outcome: 'a changed rating counts twice',
}

function checkIdentity({ tool, declares, bound }: MemoryNode, { mode }: App): string[] {
  const texts: string[] = []
  const user = bound('user_id')
  if (declares('user_id') && user === undefined) {
    texts.push('User ID is not bound, so that the node answers with an error. Insert sys.user_id.')
  } else if (declares('user_id') && !isVariable(user)) {
    texts.push(`User ID is the text "${user}", so that all users share one memory. Insert sys.user_id.`)
  }
  const turn = bound('turn')
  // A workflow app has no turns.
  if (!declares('turn') || mode === 'workflow') return texts
  if (turn === undefined) {
    texts.push(`Turn is not bound, so that ${WITHOUT_TURN[tool]}. Insert sys.dialogue_count.`)
  } else if (!isVariable(turn)) {
    texts.push(
      `Turn is always ${turn}, so that every turn replaces the one before. Insert sys.dialogue_count.`,
    )
  }
  return texts
}

function checkWindow(node: MemoryNode, graph: Graph, memoryNodes: readonly MemoryNode[]): string[] {
  if (!node.declares('window_size')) return []
  const given = node.bound('window_size') ?? DEFAULT_WINDOW
  if (isVariable(given)) return []
  const size = Number(given)
  const cache = memoryNodes.find(({ tool, id }) => tool === 'cache_set' && graph.feeds(node.id, id))
  if (node.tool === 'retrieve_memory' && cache) {
    return size === 0
      ? []
      : [
          `window_size is ${size}, but ${cache.title} stores the result, which is still used when those turns have left the window. Enter 0.`,
        ]
  }
  return graph.llmsAfter(node.id).flatMap((llm) => {
    const window = windowOf(llm)
    if (window === size) return []
    const isOff = window === WINDOW_OFF || window === 0
    const shown =
      window === 0
        ? 'has its memory switched off'
        : isOff
          ? 'has its window switched off'
          : `has a window of ${window}`
    return [`window_size is ${size}, but the node ${llm.title} ${shown}. Enter ${window}.`]
  })
}

/** Turns of an LLM node's window, the current one included. */
function windowOf({ data }: AppNode): number {
  const memory = data['memory'] as { window?: { enabled?: boolean; size?: number | null } } | null | undefined
  if (!memory) return 0
  return (memory.window?.enabled && memory.window.size) || WINDOW_OFF
}

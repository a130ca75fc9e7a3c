import type { Graph } from './graph.ts'
import { isVariable, type MemoryNode } from './memory-node.ts'

/** Outputs that hold memory. */
const MEMORY = ['context', 'block', 'delta', 'memories', 'text', 'json']

/** What keeps the strategy of a Retrieve Memory node from working as the node is wired. */
export function checkStrategy(node: MemoryNode, graph: Graph, memoryNodes: readonly MemoryNode[]): string[] {
  const strategy = node.bound('strategy') ?? 'auto'
  const read = graph.readOutputs(node.id)
  const texts: string[] = []
  if (!MEMORY.some((name) => read.has(name))) {
    texts.push('no node reads its context, block or delta. Insert context into the prompt of the LLM.')
  }
  if (isVariable(strategy)) return texts
  const window = node.bound('window_size') ?? 10
  const isCached = strategy === 'cached' || strategy === 'cached_delta'
  if (isCached && !isVariable(window) && Number(window) < 2) {
    texts.push(`Strategy ${strategy} never caches with a window_size of ${window}. Choose per_query.`)
  }
  if (strategy === 'experiment' && node.bound('experiment') === undefined) {
    texts.push('Strategy experiment needs the name of an experiment. Enter it under Experiment.')
  }
  const cache = memoryNodes.find(({ tool, id }) => tool === 'cache_set' && graph.feeds(node.id, id))
  if (cache && strategy !== 'per_query') {
    texts.push(
      `Strategy ${strategy} caches by itself, and ${cache.title} stores the result again. Choose per_query.`,
    )
  }
  texts.push(...checkParts(String(strategy), read))
  return texts
}

/** Whether the prompt gets both parts of what the strategy returns, and each once. */
function checkParts(strategy: string, read: ReadonlySet<string>): string[] {
  const [context, block, delta] = [read.has('context'), read.has('block'), read.has('delta')]
  if (context && (block || delta)) {
    return [
      'context is used beside block or delta, so that the prompt has memories twice. Use context, or block and delta.',
    ]
  }
  if (context || block === delta) return []
  if (strategy === 'per_query' && block) return ['block is always empty under per_query. Insert context.']
  if (strategy === 'cached' && delta) return ['delta is always empty under cached. Insert block or context.']
  if (strategy === 'per_query' || strategy === 'cached') return []
  const missing = block ? 'delta' : 'block'
  return [
    `${missing} is not used, so that the prompt lacks what it holds under ${strategy}. Insert it too, or context alone.`,
  ]
}

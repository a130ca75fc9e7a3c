import type { App, AppNode } from './read-app.ts'

export interface Graph {
  /** Whether a node reads an output of another, also through nodes in between. */
  feeds: (source: string, reader: string) => boolean
  /** The LLM nodes that read outputs of a node; where there is none, those that run after it. */
  llmsAfter: (id: string) => AppNode[]
  /** Names of the outputs of a node that any node reads. */
  readOutputs: (id: string) => Set<string>
}

export function openGraph({ nodes, edges }: App): Graph {
  const readersOf = (id: string) =>
    nodes.filter(({ references }) => references.some(({ node }) => node === id)).map((node) => node.id)
  const successorsOf = (id: string) => edges.filter(({ source }) => source === id).map(({ target }) => target)
  const feeds: Graph['feeds'] = (source, reader) => reachable(source, readersOf).has(reader)
  return {
    feeds,
    llmsAfter(id) {
      const llms = nodes.filter(({ type }) => type === 'llm')
      const reading = llms.filter((llm) => feeds(id, llm.id))
      const later = reachable(id, successorsOf)
      return reading.length > 0 ? reading : llms.filter((llm) => later.has(llm.id))
    },
    readOutputs: (id) =>
      new Set(
        nodes.flatMap(({ references }) =>
          references.filter(({ node }) => node === id).map(({ name }) => name),
        ),
      ),
  }
}

function reachable(start: string, next: (id: string) => string[]): Set<string> {
  const found = new Set<string>()
  const open = [start]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const one of next(id)) {
      if (found.has(one)) continue
      found.add(one)
      open.push(one)
    }
  }
  return found
}

import type { Entity, Graph, Relation } from './types.ts'

export interface SubGraph {
  entities: Entity[]
  relations: Relation[]
  /** Whether entities were left out because of the limit. */
  isPartial: boolean
}

export interface NeighbourhoodOptions {
  /** Steps from the nearest of the given entities. */
  depth: number
  /** Epoch milliseconds; absent: what holds now. */
  asOf?: number | undefined
  /** Also relations that have ended. */
  withEnded?: boolean | undefined
  /** Entities that no path leads through. */
  closed?: ReadonlySet<string> | undefined
  limit: number
}

/** Longest path between two of the given entities. */
const MAX_PATH = 4

/** Whether a relation holds at a time; absent: now. */
export function holds({ validFrom, validUntil }: Relation, asOf?: number): boolean {
  if (asOf === undefined) return validUntil === null
  return validFrom <= asOf && (validUntil === null || asOf < validUntil)
}

/** What is at most `depth` steps away from the given entities, with the shortest paths that connect them. */
export function neighbourhood(
  graph: Graph,
  starts: readonly string[],
  { depth, asOf, withEnded = false, closed = new Set(), limit }: NeighbourhoodOptions,
): SubGraph {
  const usable = graph.relations.filter((relation) => withEnded || holds(relation, asOf))
  const edges = new Map<string, Relation[]>()
  const connect = (id: string, relation: Relation) => {
    const list = edges.get(id)
    if (list) list.push(relation)
    else edges.set(id, [relation])
  }
  for (const relation of usable) {
    connect(relation.subject, relation)
    connect(relation.object, relation)
  }
  const kept = new Set<string>()
  let isPartial = false
  let ring = new Set(starts.filter((id) => graph.entities.has(id)))
  for (let step = 0; step <= depth; step++) {
    const next = new Set<string>()
    for (const id of ring) {
      if (kept.has(id)) continue
      if (kept.size === limit) {
        isPartial = true
        break
      }
      kept.add(id)
      if (closed.has(id) && !starts.includes(id)) continue
      for (const relation of edges.get(id) ?? []) next.add(otherEnd(relation, id))
    }
    ring = next
  }
  for (const [i, from] of starts.entries()) {
    for (const to of starts.slice(i + 1)) {
      for (const id of shortestPath(edges, from, to)) if (kept.size < limit) kept.add(id)
    }
  }
  return {
    entities: [...kept].map((id) => graph.entities.get(id) as Entity),
    relations: usable.filter(({ subject, object }) => kept.has(subject) && kept.has(object)),
    isPartial,
  }
}

function otherEnd({ subject, object }: Relation, id: string): string {
  return subject === id ? object : subject
}

function shortestPath(edges: ReadonlyMap<string, readonly Relation[]>, from: string, to: string): string[] {
  const before = new Map<string, string | undefined>([[from, undefined]])
  let ring = [from]
  for (let step = 0; step < MAX_PATH && ring.length > 0 && !before.has(to); step++) {
    const next: string[] = []
    for (const id of ring) {
      for (const relation of edges.get(id) ?? []) {
        const other = otherEnd(relation, id)
        if (before.has(other)) continue
        before.set(other, id)
        next.push(other)
      }
    }
    ring = next
  }
  const path: string[] = []
  if (!before.has(to)) return path
  for (let id: string | undefined = to; id !== undefined; id = before.get(id)) path.push(id)
  return path
}

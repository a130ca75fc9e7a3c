import { holds, neighbourhood } from '../memory/graph/neighbourhood.ts'
import type { Graph, Relation } from '../memory/graph/types.ts'
import { nameKey } from '../text/relations/names.ts'
import { relativesIn } from '../text/relations/relations.ts'
import { normalise } from '../text/terms/normalise.ts'
import { hasUnspacedScript } from '../text/terms/segment.ts'
import { readText, termsOf } from '../text/terms/tokens.ts'

/** A relation that brought memories to the ranking. */
export interface UsedRelation {
  subject: string
  label: string
  object: string
  memory_ids: string[]
}

export interface GraphHits {
  /** By memory id: 1 for a relation of an entity of the query, less for one that is further away. */
  strengths: ReadonlyMap<string, number>
  relations: UsedRelation[]
}

/** Steps from the entities of the query. */
const DEPTH = 2
/** Strength of a relation at the second step. */
const FAR = 0.5
/** Share of the words of a relation that a query must have. */
const MIN_SIMILARITY = 0.5
const MAX_STARTS = 8
const MAX_ENTITIES = 100
/** Memories that the graph brings to one ranking. */
const MAX_MEMORIES = 32

/**
 * The memories that the graph finds for a query: those of the relations around its entities, and those of relations
 * that share most of their words with it.
 */
export function findGraphHits(graph: Graph, query: string, asOf?: number): GraphHits {
  const strengths = new Map<Relation, number>()
  const strengthen = (relation: Relation, strength: number) =>
    strengths.set(relation, Math.max(strength, strengths.get(relation) ?? 0))
  const made = searchable(graph)
  const starts = entitiesIn(made, query).slice(0, MAX_STARTS)
  const near = new Set(starts)
  // Everything is two steps from the user.
  const options = { depth: DEPTH, asOf, closed: new Set([graph.self]), limit: MAX_ENTITIES }
  for (const relation of starts.length === 0 ? [] : neighbourhood(graph, starts, options).relations) {
    const isNear = near.has(relation.subject) || near.has(relation.object)
    strengthen(relation, isNear ? 1 : FAR)
  }
  const words = new Set(termsOf(readText(query)))
  for (const { relation, terms } of made.relations) {
    if (!holds(relation, asOf)) continue
    const share = terms.filter((term) => words.has(term)).length / terms.length
    if (share >= MIN_SIMILARITY) strengthen(relation, share)
  }
  return toHits(graph, strengths)
}

function toHits({ entities }: Graph, strengths: ReadonlyMap<Relation, number>): GraphHits {
  const byMemory = new Map<string, number>()
  const relations: UsedRelation[] = []
  const nameOf = (id: string) => entities.get(id)?.name ?? ''
  for (const [{ subject, label, object, memoryIds }, strength] of [...strengths].sort(
    ([, a], [, b]) => b - a,
  )) {
    if (byMemory.size >= MAX_MEMORIES) break
    // The latest statements of a relation come last.
    for (const id of memoryIds.slice(byMemory.size - MAX_MEMORIES))
      byMemory.set(id, Math.max(strength, byMemory.get(id) ?? 0))
    relations.push({ subject: nameOf(subject), label, object: nameOf(object), memory_ids: memoryIds })
  }
  return { strengths: byMemory, relations }
}

/** Ids of the entities that a query names, and of the relatives that it speaks of ("my sister"). */
function entitiesIn({ graph, names }: Searchable, query: string): string[] {
  const text = normalise(query)
  const words = ` ${(nameKey(query).match(/[\p{L}\p{N}]+/gu) ?? []).join(' ')} `
  const found = new Set<string>()
  for (const { id, key, isUnspaced } of names) {
    if (isUnspaced ? text.includes(key) : words.includes(` ${key} `)) found.add(id)
  }
  const relatives = relativesIn(query)
  for (const { subject, label, object } of relatives.length === 0 ? [] : graph.relations) {
    if (subject === graph.self && relatives.includes(label)) found.add(object)
  }
  return [...found]
}

/** A graph with what a query is compared with. */
interface Searchable {
  graph: Graph
  names: { id: string; key: string; isUnspaced: boolean }[]
  relations: { relation: Relation; terms: string[] }[]
}

const searchables = new WeakMap<Graph, Searchable>()

function searchable(graph: Graph): Searchable {
  const known = searchables.get(graph)
  if (known) return known
  const names = [...graph.entities.values()].flatMap(({ id, name, aliases }) =>
    [name, ...aliases.map((alias) => alias.name)].map((one) => {
      const key = nameKey(one)
      return { id, key, isUnspaced: hasUnspacedScript(key) }
    }),
  )
  const nameOf = (id: string) => (id === graph.self ? '' : (graph.entities.get(id)?.name ?? ''))
  const relations = graph.relations.map((relation) => {
    const text = [nameOf(relation.subject), relation.label.replaceAll('_', ' '), nameOf(relation.object)]
    return { relation, terms: [...new Set(termsOf(readText(text.join(' '))))] }
  })
  const made = {
    graph,
    names: names.filter(({ id, key }) => id !== graph.self && key.length >= 2),
    relations: relations.filter(({ terms }) => terms.length > 0),
  }
  searchables.set(graph, made)
  return made
}

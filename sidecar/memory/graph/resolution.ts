import { areCompatible, isTyped, nameKey } from '../../text/relations/names.ts'
import { isRole, SELF } from '../../text/relations/relations.ts'
import type { Steps } from '../../text/workers/slices.ts'
import type { Mention } from '../model/graph.ts'
import type { Alias } from './types.ts'

/** A name as it occurs in a memory. */
export interface Occurrence extends Pick<Mention, 'name' | 'type' | 'same_as'> {
  memoryId: string
}

interface Cluster {
  key: string
  type: string
  names: Map<string, number>
  aliases: Map<string, Alias>
}

interface Resolution {
  /** By the key of the entity. */
  clusters: ReadonlyMap<string, Cluster>
  keyOf: (name: string, type: string) => string
}

/**
 * Groups names into entities: the same name (apart from case, accents and titles) of a compatible type, a stated alias,
 * or a similar name that the learner recorded. Everything is derived from what the memories say, so that taking back a
 * merge, or deleting its memory, separates the names again.
 */
export function* resolve(
  occurrences: readonly Occurrence[],
  stated: readonly [string, string][],
): Steps<Resolution> {
  const typesOf = new Map<string, Set<string>>()
  for (const { name, type } of occurrences) {
    yield
    const types = typesOf.get(nameKey(name)) ?? new Set<string>()
    if (isTyped(type)) types.add(type)
    typesOf.set(nameKey(name), types)
  }
  /** Equal names of different types are different entities; without a type, the name is that of the only one. */
  const ownKey = (name: string, type: string): string => {
    const key = nameKey(name)
    if (key === SELF) return SELF
    const types = [...(typesOf.get(key) ?? [])].sort()
    if (types.length <= 1) return key
    return `${key}\n${isTyped(type) ? type : types[0]}`
  }
  const parents = new Map<string, { key: string; alias: Alias }>()
  const rootOf = (key: string): string => {
    const seen = new Set<string>()
    let root = key
    for (let parent = parents.get(root); parent && !seen.has(root); parent = parents.get(root)) {
      seen.add(root)
      root = parent.key
    }
    return root
  }
  const merge = (from: string, into: string, alias: Alias) => {
    const [child, parent] = [rootOf(from), rootOf(into)]
    if (child !== parent && child !== SELF) parents.set(child, { key: parent, alias })
  }
  for (const { name, type, same_as } of occurrences) {
    if (!same_as || same_as.undone_at !== undefined) continue
    const other = ownKey(same_as.name, type)
    if (typesOf.has(nameKey(same_as.name)))
      merge(ownKey(name, type), other, { name, reason: 'similar', score: same_as.score })
  }
  for (const [alias, name] of stated) {
    const [one, other] = [typeOf(typesOf, alias), typeOf(typesOf, name)]
    if (areCompatible(one, other))
      merge(ownKey(alias, one), ownKey(name, other), {
        name: alias,
        reason: isRole(alias) ? 'role' : 'stated',
      })
  }
  const clusters = new Map<string, Cluster>()
  for (const { name, type } of occurrences) {
    yield
    const own = ownKey(name, type)
    const key = rootOf(own)
    const cluster = clusters.get(key) ?? { key, type: 'name', names: new Map(), aliases: new Map() }
    clusters.set(key, cluster)
    if (isTyped(type) && !isTyped(cluster.type)) cluster.type = type
    const weight = own === key && !isRole(name) ? 1_000_000 : 1
    cluster.names.set(name, (cluster.names.get(name) ?? 0) + weight)
    const alias = parents.get(own)?.alias
    cluster.aliases.set(name, alias ? { ...alias, name } : { name, reason: 'same_name' })
  }
  return { clusters, keyOf: (name: string, type: string) => rootOf(ownKey(name, type)) }
}

function typeOf(types: ReadonlyMap<string, ReadonlySet<string>>, name: string): string {
  return [...(types.get(nameKey(name)) ?? [])][0] ?? 'name'
}

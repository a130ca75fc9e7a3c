import { toLocalDate } from '../../text/local-time.ts'
import { isFunctional } from '../../text/relations/labels.ts'
import { firstSaidAt, type Memory } from '../model/memory.ts'
import type { UserGraph } from './reader.ts'
import type { Entity, Graph, Relation } from './types.ts'

const DAY_MS = 86_400_000
/** Time after which a mention counts half. */
const HALF_LIFE_MS = 30 * DAY_MS

/** Number of mentions, each halved for every 30 days since: frequent and recent entities first. */
export function weightOf({ mentions }: Entity, now: number): number {
  return mentions.reduce((sum, { at }) => sum + 0.5 ** (Math.max(0, now - at) / HALF_LIFE_MS), 0)
}

/** The entities of a user, the most frequent and recent first. The user is not among them. */
export function topEntities({ entities, self }: Graph, now: number): (Entity & { weight: number })[] {
  return [...entities.values()]
    .filter(({ id }) => id !== self)
    .map((entity) => ({ ...entity, weight: weightOf(entity, now) }))
    .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1))
}

/** One dated fact of a life. */
export interface DatedFact {
  /** `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  date: string
  memory: Memory
  /** The relation that began then. */
  relation?: Relation | undefined
}

/** Dated facts, oldest first: memories of an event with a date, and the beginnings of relations that change. */
export function datedFacts({ graph, versions }: UserGraph): DatedFact[] {
  const byId = new Map(versions.map(({ memory }) => [memory.id, memory]))
  const facts: DatedFact[] = versions.flatMap(({ memory, validUntil }) =>
    memory.event_date === null || validUntil !== null ? [] : [{ date: memory.event_date, memory }],
  )
  const told = new Set(facts.map(({ memory }) => memory.id))
  for (const relation of graph.relations) {
    const memory = byId.get(relation.memoryIds[0] ?? '')
    if (!memory || told.has(memory.id) || !isFunctional(relation.label)) continue
    const [source] = relation.sources
    const date = toLocalDate({ ...source, at: relation.validFrom })
    facts.push({ date, memory, relation })
  }
  return facts.sort((a, b) => (a.date < b.date ? -1 : +(a.date > b.date)))
}

export interface MonthOfThemes {
  /** `YYYY-MM`. */
  month: string
  memories: number
  /** Memories per theme, the most frequent first. */
  themes: { theme: string; memories: number }[]
  /** Themes whose share grew or shrank most against the months before. */
  rose: string[]
  faded: string[]
}

/** Themes that are listed per month, and changes. */
const MAX_THEMES = 10
const MAX_CHANGES = 3
/** Least change of a share that is a change. */
const MIN_CHANGE = 0.1

/** What the memories of each month are about: topics, and entities. */
export function themesByMonth({ graph, versions }: UserGraph): MonthOfThemes[] {
  const themesOf = new Map<string, Set<string>>()
  for (const { id, name, mentions } of graph.entities.values()) {
    if (id === graph.self) continue
    for (const { memoryId } of mentions) {
      themesOf.set(memoryId, (themesOf.get(memoryId) ?? new Set<string>()).add(name))
    }
  }
  const months = new Map<string, { memories: number; counts: Map<string, number> }>()
  for (const { memory, validUntil } of versions) {
    if (validUntil !== null) continue
    const month = toLocalDate(firstSaidAt(memory)).slice(0, 7)
    const entry = months.get(month) ?? { memories: 0, counts: new Map() }
    months.set(month, entry)
    entry.memories += 1
    const themes = [...(themesOf.get(memory.id) ?? []), ...(memory.topic === null ? [] : [memory.topic])]
    for (const theme of themes) entry.counts.set(theme, (entry.counts.get(theme) ?? 0) + 1)
  }
  const sorted = [...months].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([month, { memories, counts }], i) => {
    const before = sorted.slice(0, i).map(([, entry]) => entry)
    const total = before.reduce((sum, entry) => sum + entry.memories, 0)
    const names = new Set([...counts.keys(), ...before.flatMap((entry) => [...entry.counts.keys()])])
    const changes = [...names].map((theme) => {
      const earlier = before.reduce((sum, entry) => sum + (entry.counts.get(theme) ?? 0), 0)
      return { theme, change: (counts.get(theme) ?? 0) / memories - (total === 0 ? 0 : earlier / total) }
    })
    const largest = (sign: 1 | -1) =>
      changes
        .filter(({ change }) => i > 0 && sign * change >= MIN_CHANGE)
        .sort((a, b) => sign * (b.change - a.change) || (a.theme < b.theme ? -1 : 1))
        .slice(0, MAX_CHANGES)
        .map(({ theme }) => theme)
    const themes = [...counts]
      .map(([theme, count]) => ({ theme, memories: count }))
      .sort((a, b) => b.memories - a.memories || (a.theme < b.theme ? -1 : 1))
      .slice(0, MAX_THEMES)
    return { month, memories, themes, rose: largest(1), faded: largest(-1) }
  })
}

import pTimeout from 'p-timeout'
import { topEntities } from '../memory/graph/knowledge.ts'
import { holds } from '../memory/graph/neighbourhood.ts'
import type { GraphReader, UserGraph } from '../memory/graph/reader.ts'
import { type Narrowing, type Scope, scopeKey } from '../memory/model/scope.ts'
import { getConversation } from '../memory/repositories/turns.ts'
import type { RecordStore } from '../ports/records.ts'
import { toSingleLine } from '../text/single-line.ts'
import { type CountTokens, tokenCounter } from '../text/token-counter.ts'
import { createGates, passesAll } from './gates.ts'
import { fence, instructionWarning } from './render.ts'

/** What a recall can put into the context, in the order of the context. */
export const PARTS = ['summary', 'profile', 'entities', 'relations', 'memories'] as const
export type Part = (typeof PARTS)[number]

/** Shares of the token budget, relative to those of the other included parts. */
const SHARES: Record<Part, number> = { memories: 5, profile: 2, relations: 1.5, summary: 1, entities: 0.5 }

/** The token budget of each included part. Fixed shares, so that a cached block keeps its size from turn to turn. */
export function budgetsOf(parts: readonly Part[], tokenBudget: number): Record<Part, number> {
  const total = parts.reduce((sum, part) => sum + SHARES[part], 0)
  const budgetOf = (part: Part) =>
    parts.includes(part) ? Math.floor((tokenBudget * SHARES[part]) / total) : 0
  return Object.fromEntries(PARTS.map((part) => [part, budgetOf(part)])) as Record<Part, number>
}

interface PartsOptions {
  profiles: {
    readText: (
      scope: Scope,
      request: Narrowing & { tokenBudget: number; signal: AbortSignal | undefined },
    ) => Promise<{ text: string }>
  }
  graphs: Pick<GraphReader, 'read'>
  records: RecordStore
  now: () => number
  /** For each part, milliseconds. A late part is left out. */
  deadlineMs: number
}

interface PartsRequest {
  parts: readonly Part[]
  tokenBudget: number
  conversationId?: string | undefined
  agentId?: string | undefined
  runId?: string | undefined
  appId?: string | undefined
  signal?: AbortSignal | undefined
}

/** Reads the included parts besides the memories. `degraded` names those that failed or were late. */
export async function readParts(
  { profiles, graphs, records, now, deadlineMs }: PartsOptions,
  scope: Scope,
  { parts, tokenBudget, conversationId, signal, ...narrowing }: PartsRequest,
): Promise<{ texts: Partial<Record<Part, string>>; degraded: Part[] }> {
  const count = await tokenCounter()
  const budgets = budgetsOf(parts, tokenBudget)
  const key = scopeKey(scope)
  const gates = createGates({ ...narrowing, now: now() })
  const memoriesOf = ({ versions }: UserGraph) =>
    new Set(versions.flatMap(({ memory }) => (passesAll(gates, memory) ? [memory.id] : [])))
  const readers: Record<Exclude<Part, 'memories'>, (budget: number) => Promise<string>> = {
    profile: async (tokenBudget) =>
      (await profiles.readText(scope, { ...narrowing, tokenBudget, signal })).text,
    summary: async (budget) => {
      const known =
        conversationId === undefined ? undefined : await getConversation(records, key, conversationId)
      return known?.summary ? pack('Summary of the conversation.', [known.summary], budget, count) : ''
    },
    entities: async (budget) => {
      const read = await graphs.read(key, signal)
      const isShown = memoriesOf(read)
      const top = topEntities(read.graph, now()).filter(({ mentions }) =>
        mentions.some(({ memoryId }) => isShown.has(memoryId)),
      )
      const lines = top.map(({ name, type }) => `${name} (${type})`)
      return pack('Persons, places and things that the user mentions most.', lines, budget, count)
    },
    relations: async (budget) => {
      const read = await graphs.read(key, signal)
      const { graph } = read
      const isShown = memoriesOf(read)
      const nameOf = (id: string) => graph.entities.get(id)?.name ?? ''
      const lines = graph.relations
        .filter((relation) => holds(relation) && relation.memoryIds.some((id) => isShown.has(id)))
        .toReversed()
        .map(({ subject, label, object }) =>
          [nameOf(subject), label.replaceAll('_', ' '), nameOf(object)].join(' · '),
        )
      return pack('What is known to hold now.', [...new Set(lines)], budget, count)
    },
  }
  const texts: Partial<Record<Part, string>> = {}
  const degraded: Part[] = []
  const others = parts.filter((part) => part !== 'memories')
  await Promise.all(
    others.map(async (part) => {
      try {
        texts[part] = await pTimeout(readers[part](budgets[part]), { milliseconds: deadlineMs })
      } catch {
        signal?.throwIfAborted()
        degraded.push(part)
      }
    }),
  )
  return { texts, degraded }
}

/** The lines that fit, in their order. */
function pack(heading: string, lines: readonly string[], budget: number, count: CountTokens): string {
  const kept: string[] = []
  let tokens = count(fence(heading, []))
  for (const line of lines) {
    const shown = toSingleLine(line)
    const text = `- ${shown}${instructionWarning(shown)}`
    tokens += count(`\n${text}`)
    if (tokens > budget) break
    kept.push(text)
  }
  return kept.length === 0 ? '' : fence(heading, kept)
}

/** The parts as one text, in a fixed order: those that change least come first. */
export async function joinParts(
  texts: Partial<Record<Part, string>>,
): Promise<{ context: string; tokens: number }> {
  const context = PARTS.flatMap((part) => texts[part] || []).join('\n')
  return { context, tokens: (await tokenCounter())(context) }
}

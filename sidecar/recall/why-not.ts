import type { Memory } from '../memory/memory.ts'
import type { Gate } from './gates.ts'
import type { RankedMemory } from './scope-index.ts'

/** The first gate that a memory failed, and the numbers of it. */
export interface WhyNot {
  gate: string
  detail: string
}

export interface WhyNotContext {
  memories: ReadonlyMap<string, Memory>
  gates: readonly Gate[]
  topK: number
  threshold: number | undefined
  /** All memories that passed the gates, best first. */
  rankAll: () => readonly RankedMemory[]
  /** Why a memory that is not current is not: it was superseded, deleted, or never was. */
  past: (id: string) => Promise<'deleted' | 'unknown'>
}

/** For each id that is not among the answers, why; ids that are, are left out. */
export async function whyNot(
  ids: readonly string[],
  returned: ReadonlySet<string>,
  context: WhyNotContext,
): Promise<Record<string, WhyNot>> {
  const answer: Record<string, WhyNot> = {}
  let ranked: readonly RankedMemory[] | undefined
  for (const id of ids) {
    if (returned.has(id)) continue
    const memory = context.memories.get(id)
    if (!memory) {
      const gate = await context.past(id)
      answer[id] = {
        gate,
        detail: gate === 'deleted' ? 'it is not current any more' : 'this user has no such memory',
      }
      continue
    }
    const closed = context.gates.find((gate) => !gate.passes(memory))
    if (closed) {
      answer[id] = { gate: closed.name, detail: `it does not pass ${closed.name}` }
      continue
    }
    ranked ??= context.rankAll()
    const place = ranked.findIndex((one) => one.id === id)
    const score = ranked[place]?.score ?? 0
    const rounded = Math.round(score * 1e6) / 1e6
    if (place < 0) answer[id] = { gate: 'no_match', detail: 'nothing of it matches the query' }
    else if (place >= context.topK) {
      answer[id] = { gate: 'rank', detail: `rank ${place + 1}, score ${rounded}; top_k is ${context.topK}` }
    } else if (context.threshold !== undefined && score < context.threshold) {
      answer[id] = { gate: 'threshold', detail: `score ${rounded}, threshold ${context.threshold}` }
    } else answer[id] = { gate: 'token_budget', detail: `rank ${place + 1}; no room within the budget` }
  }
  return answer
}

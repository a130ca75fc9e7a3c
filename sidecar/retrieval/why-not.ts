import type { Memory } from '../memory/model/memory.ts'
import { getMemory } from '../memory/repositories/memories.ts'
import { isEndMarker } from '../memory/repositories/versions.ts'
import { orUnavailable } from '../ports/errors.ts'
import type { RecordStore } from '../ports/records.ts'
import type { Gate } from './gates.ts'
import type { Ranked } from './ranking/rank.ts'

/** The first gate that a memory failed, with details such as its rank. */
export interface WhyNot {
  gate: string
  detail: string
}

export interface WhyNotContext {
  read: (ids: readonly string[]) => Promise<readonly Memory[]>
  gates: readonly Gate[]
  topK: number
  threshold: number | undefined
  /** The candidates, best first. */
  ranked: readonly Ranked[]
  isRelevant: boolean
  /** Returns why a memory cannot be read. */
  whyAbsent: (id: string) => Promise<keyof typeof ABSENT>
}

const ABSENT = {
  unknown: 'this user has no such memory',
  deleted: 'the memory was deleted or superseded',
  as_of: 'the memory was not current at that time',
}

/** @param asOf time of the search, epoch milliseconds; `undefined` for a search of the current memories */
export function createAbsenceCheck(
  store: RecordStore,
  scope: string,
  asOf: number | undefined,
): WhyNotContext['whyAbsent'] {
  return async (id) => {
    if (asOf !== undefined && (await store.get('memories', scope, id))) return 'as_of'
    const ended = await store.get('versions', scope, id)
    if (!ended || !isEndMarker(ended)) return 'unknown'
    return asOf === undefined ? 'deleted' : 'as_of'
  }
}

/** Returns a function that reads current memories, which need not be candidates. */
export function createMemoryReader(
  store: RecordStore,
  scope: string,
): (ids: readonly string[]) => Promise<Memory[]> {
  return async (ids) => {
    const held = await Promise.all(ids.map((id) => orUnavailable(getMemory(store, scope, id))))
    return held.flatMap((one) => one?.memory ?? [])
  }
}

/** Explains for each id why it was not returned. Skips returned ids. */
export async function explainAbsence(
  ids: readonly string[],
  returned: ReadonlySet<string>,
  context: WhyNotContext,
): Promise<Record<string, WhyNot>> {
  const reasons = new Map<string, WhyNot>()
  for (const id of ids) {
    if (returned.has(id)) continue
    const [memory] = await context.read([id])
    const failed = memory && context.gates.find(({ passes }) => !passes(memory))
    if (!memory) {
      const gate = await context.whyAbsent(id)
      reasons.set(id, { gate, detail: ABSENT[gate] })
    } else if (failed) {
      reasons.set(id, { gate: failed.name, detail: `the memory does not match ${failed.name}` })
    } else {
      reasons.set(id, explainRank(id, context))
    }
  }
  // Assigning properties one by one would fail for the id `__proto__`.
  return Object.fromEntries(reasons)
}

function explainRank(id: string, { ranked, isRelevant, topK, threshold }: WhyNotContext): WhyNot {
  if (threshold === undefined && !isRelevant) {
    return { gate: 'relevance', detail: 'the query has nothing to do with any memory' }
  }
  const index = ranked.findIndex((one) => one.id === id)
  if (index < 0) return { gate: 'candidates', detail: `not among the ${ranked.length} best candidates` }
  const score = Math.round((ranked[index]?.score ?? 0) * 1e6) / 1e6
  return index >= topK || threshold === undefined
    ? { gate: 'rank', detail: `rank ${index + 1}, score ${score}; top_k is ${topK}` }
    : { gate: 'threshold', detail: `score ${score}, threshold ${threshold}` }
}

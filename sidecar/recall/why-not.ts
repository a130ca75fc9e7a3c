import type { Memory } from '../memory/memory.ts'
import { isEndMarker } from '../memory/repositories/versions.ts'
import type { RecordStore } from '../ports/records.ts'
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
  /** Why a memory is not among `memories`: it has ended, did not hold at the moment asked for, or never was. */
  past: (id: string) => Promise<keyof typeof ABSENT>
}

const ABSENT = {
  unknown: 'this user has no such memory',
  deleted: 'it is not current any more',
  as_of: 'it did not hold at that moment',
}

/** Why a memory of a scope is not there to be ranked. @param asOf the moment asked for, where there is one */
export function absentFrom(
  store: RecordStore,
  scope: string,
  asOf: number | undefined,
): WhyNotContext['past'] {
  return async (id) => {
    if (asOf !== undefined && (await store.get('memories', scope, id))) return 'as_of'
    const ended = await store.get('versions', scope, id)
    if (!ended || !isEndMarker(ended)) return 'unknown'
    return asOf === undefined ? 'deleted' : 'as_of'
  }
}

/** For each id that is not among the answers, why; ids that are, are left out. */
export async function whyNot(
  ids: readonly string[],
  returned: ReadonlySet<string>,
  context: WhyNotContext,
): Promise<Record<string, WhyNot>> {
  const answers = new Map<string, WhyNot>()
  let ranked: readonly RankedMemory[] | undefined
  for (const id of ids) {
    if (returned.has(id)) continue
    const memory = context.memories.get(id)
    if (!memory) {
      const gate = await context.past(id)
      answers.set(id, { gate, detail: ABSENT[gate] })
      continue
    }
    const closed = context.gates.find((gate) => !gate.passes(memory))
    if (closed) {
      answers.set(id, { gate: closed.name, detail: `it does not pass ${closed.name}` })
      continue
    }
    ranked ??= context.rankAll()
    answers.set(id, beaten(id, ranked, context))
  }
  // Not member by member: an id may be `__proto__`.
  return Object.fromEntries(answers)
}

function beaten(id: string, ranked: readonly RankedMemory[], { topK, threshold }: WhyNotContext): WhyNot {
  const place = ranked.findIndex((one) => one.id === id)
  const score = Math.round((ranked[place]?.score ?? 0) * 1e6) / 1e6
  return place >= topK || threshold === undefined
    ? { gate: 'rank', detail: `rank ${place + 1}, score ${score}; top_k is ${topK}` }
    : { gate: 'threshold', detail: `score ${score}, threshold ${threshold}` }
}

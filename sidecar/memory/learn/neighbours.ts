import type { RecordStore } from '../../ports/records.ts'
import { letRequestsRun } from '../../time-slice.ts'
import type { Memory } from '../memory.ts'
import type { KnownMemory, NewFact } from '../reconcile/types.ts'

/** Ranks the current memories of a scope; handed over so that learning knows of no index. */
export type FindNeighbours = (
  scope: string,
  query: { text: string; dense: Float32Array; limit: number; accept: (memory: Memory) => boolean },
) => Promise<Memory[]>

/** Memories of one topic slot that are compared with a fact whatever their words, at the most. */
const MAX_SLOT = 20

/**
 * The memories that a fact may repeat or contradict: those in its own words, and those in its topic slot, which say
 * the opposite in other words ("lives in Leeds", "moved to Porto").
 */
export function neighboursIn(
  store: RecordStore,
  scope: string,
  find: FindNeighbours,
  isComparable: (memory: Memory) => boolean,
  seen: Map<string, number>,
) {
  return async (fact: NewFact, limit: number): Promise<KnownMemory[]> => {
    const bySpeaker = (memory: Memory) => memory.speaker === fact.speaker && isComparable(memory)
    const bySlot = (memory: Memory) =>
      bySpeaker(memory) && memory.topic === fact.topic && memory.sub_topic === fact.subTopic
    const query = { text: fact.text, dense: fact.dense }
    const near = await find(scope, { ...query, limit, accept: bySpeaker })
    await letRequestsRun()
    const slot = fact.subTopic === '' ? [] : await find(scope, { ...query, limit: MAX_SLOT, accept: bySlot })
    await letRequestsRun()
    const known: KnownMemory[] = []
    for (const { id } of new Map([...slot, ...near].map((memory) => [memory.id, memory])).values()) {
      const record = await store.get('memories', scope, id)
      if (!record?.dense) continue
      const memory = record.payload as unknown as Memory
      // The oldest version counts: a decision about a fact may rest on it.
      if (!seen.has(id)) seen.set(id, memory.version)
      known.push({
        id,
        text: memory.text,
        speaker: memory.speaker,
        topic: memory.topic,
        subTopic: memory.sub_topic,
        at: memory.sources.at(-1)?.at ?? memory.valid_from,
        dense: record.dense,
      })
    }
    return known
  }
}

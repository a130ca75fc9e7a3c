import { setImmediate } from 'node:timers/promises'
import type { Memory } from '../../memory/model/memory.ts'
import { getMemory } from '../../memory/repositories/memories.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { KnownMemory, NewFact } from '../reconcile/types.ts'

/** Ranks the current memories of a scope; injected, so that learning does not depend on retrieval. */
export type FindNeighbours = (
  scope: string,
  query: { text: string; dense: Float32Array; limit: number; accept: (memory: Memory) => boolean },
) => Promise<Memory[]>

/** Most memories of one topic slot that are compared with a fact regardless of their text. */
const MAX_SLOT = 20

/**
 * Finds the memories with similar text, and those in the same topic slot, which may contradict a fact in other words
 * ("lives in Leeds", "moved to Porto"). Notes their versions in `seen`.
 */
export function neighboursIn(
  store: RecordStore,
  scope: string,
  find: FindNeighbours,
  isComparable: (memory: Memory) => boolean,
  seen: Map<string, number>,
) {
  return async (fact: NewFact, limit: number): Promise<KnownMemory[]> => {
    // Two rankings of 10,000 memories take about 50 ms: other requests run between the facts.
    await setImmediate()
    const bySpeaker = (memory: Memory) => memory.speaker === fact.speaker && isComparable(memory)
    const bySlot = (memory: Memory) =>
      bySpeaker(memory) && memory.topic === fact.topic && memory.sub_topic === fact.subTopic
    const query = { text: fact.text, dense: fact.dense }
    const near = await find(scope, { ...query, limit, accept: bySpeaker })
    const slot = fact.subTopic === '' ? [] : await find(scope, { ...query, limit: MAX_SLOT, accept: bySlot })
    const ids = new Set([...slot, ...near].map(({ id }) => id))
    const known: KnownMemory[] = []
    for (const held of await Promise.all([...ids].map((id) => getMemory(store, scope, id)))) {
      if (!held?.dense) continue
      const { memory, dense } = held
      const { id } = memory
      // The oldest version seen counts: a decision may be based on it.
      if (!seen.has(id)) seen.set(id, memory.version)
      const { text, speaker, topic, sub_topic: subTopic, sources, valid_from } = memory
      const { at, utc_offset } = sources.at(-1) ?? { at: valid_from }
      known.push({ id, text, speaker, topic, subTopic, at, utc_offset, dense })
    }
    return known
  }
}

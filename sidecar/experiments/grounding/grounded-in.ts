import { type AnsweredQuestion, GroundingIndex, type GroundingMemory } from './grounding-index.ts'

/**
 * Assumed number of memories when fewer are given, for the rarity of words. On the labelled conversations, values from 20
 * to 100 find as many sources among 3 or 10 injected memories as an index of all memories does.
 */
const ASSUMED_SIZE = 50

/** Ids of the memories that an answer demonstrably drew on, for callers without an index of the scope. */
export function groundedIn(spoken: AnsweredQuestion, memories: readonly GroundingMemory[]): string[] {
  const index = new GroundingIndex(ASSUMED_SIZE)
  for (const memory of memories) index.add(memory)
  return index.groundedIn(spoken).map(({ id }) => id)
}

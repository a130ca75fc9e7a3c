import { type AnsweredQuestion, GroundingIndex, type GroundingMemory } from './grounding-index.ts'

/**
 * Ids of the memories that an answer demonstrably drew on, for callers without an index of the scope. A word counts as
 * rare by the given memories, so pass all that are at hand and not only those of interest.
 */
export function groundedIn(spoken: AnsweredQuestion, memories: readonly GroundingMemory[]): string[] {
  const index = new GroundingIndex()
  for (const memory of memories) index.add(memory)
  return index.groundedIn(spoken).map(({ id }) => id)
}

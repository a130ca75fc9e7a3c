import type { Memory } from './memory.ts'
import { derivedId } from './scope.ts'

/** What decides, beside the text, which memory a statement belongs to. */
export type Speech = Pick<Memory, 'agent_id' | 'run_id' | 'speaker'>

/**
 * The id of a statement: the same text of the same speaker, agent and run is the same memory.
 * @param key `normaliseForDuplicate` of the text
 * @param nth above 0 where the memories with the lower ids were corrected to other texts
 */
export function memoryIdOf(scope: string, speech: Speech, key: string, nth = 0): string {
  const { agent_id, run_id, speaker } = speech
  const identity = [scope, agent_id ?? '', run_id ?? '', speaker, key]
  return derivedId('memory', ...identity, ...(nth === 0 ? [] : [String(nth)]))
}

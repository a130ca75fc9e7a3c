import { derivedId } from '../scope.ts'
import type { Memory } from './memory.ts'
import { normaliseForDuplicate } from './verbatim.ts'

/** Whose words a text is, as far as it decides which memory the text belongs to. */
export type Speech = Pick<Memory, 'agent_id' | 'run_id' | 'speaker'>

/**
 * The id of a memory, derived from what was said: the same text, said twice to the same agent and in the same run, is
 * the same memory.
 */
export function memoryId(scope: string, said: Speech & Pick<Memory, 'text'>, nth = 0): string {
  return memoryIdOf(scope, said, normaliseForDuplicate(said.text), nth)
}

/**
 * The same for a text whose key is known.
 * @param key `normaliseForDuplicate` of the text
 * @param nth above 0 when the memory with the id before says something else by now: it was corrected or superseded
 */
export function memoryIdOf(
  scope: string,
  { agent_id, run_id, speaker }: Speech,
  key: string,
  nth = 0,
): string {
  const identity = [scope, agent_id ?? '', run_id ?? '', speaker, key]
  return derivedId('memory', ...identity, ...(nth === 0 ? [] : [String(nth)]))
}

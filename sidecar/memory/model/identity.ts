import { normaliseForDuplicate } from '../../text/verbatim.ts'
import type { Memory } from './memory.ts'
import { derivedId } from './scope.ts'

/** What decides, beside the text, which memory a statement belongs to. */
export type Speech = Pick<Memory, 'agent_id' | 'run_id' | 'speaker'>

/** The identifier of a statement: the same text of the same speaker, agent and run is the same memory. */
export function memoryId(scope: string, statement: Speech & Pick<Memory, 'text'>, nth = 0): string {
  return memoryIdOf(scope, statement, normaliseForDuplicate(statement.text), nth)
}

/**
 * As `memoryId` for a text whose key is known.
 * @param key `normaliseForDuplicate` of the text
 * @param nth above 0 where the memories with the lower identifiers were corrected to other texts
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

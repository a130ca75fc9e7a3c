import { derivedId } from '../../scope.ts'
import type { Memory } from '../memory.ts'
import { normaliseForDuplicate } from './verbatim.ts'

/**
 * The identifier of a statement: the same text of the same speaker, agent and run is the same memory.
 * @param nth above 0 where the memories with the lower identifiers were corrected to other texts
 */
export function memoryId(
  scope: string,
  statement: Pick<Memory, 'agent_id' | 'run_id' | 'speaker' | 'text'>,
  nth = 0,
): string {
  const { agent_id, run_id, speaker, text } = statement
  const identity = [scope, agent_id ?? '', run_id ?? '', speaker, normaliseForDuplicate(text)]
  return derivedId('memory', ...identity, ...(nth === 0 ? [] : [String(nth)]))
}

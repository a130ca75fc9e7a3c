import { derivedId } from '../../scope.ts'
import type { Memory } from '../memory.ts'
import { normaliseForDuplicate } from './verbatim.ts'

/**
 * The identifier of what somebody said: the same thing, said twice to the same agent and in the same run, is the same
 * memory.
 * @param nth above 0 where a memory of that identifier says something else by now: it was corrected or superseded
 */
export function memoryId(
  scope: string,
  said: Pick<Memory, 'agent_id' | 'run_id' | 'speaker' | 'text'>,
  nth = 0,
): string {
  const { agent_id, run_id, speaker, text } = said
  const identity = [scope, agent_id ?? '', run_id ?? '', speaker, normaliseForDuplicate(text)]
  return derivedId('memory', ...identity, ...(nth === 0 ? [] : [String(nth)]))
}

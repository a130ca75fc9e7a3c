import type { Turn } from '../../memory/model/turns.ts'
import { isQuestion, splitSentences } from '../../text/sentences.ts'
import type { Learned } from './types.ts'

/**
 * Whether a fact may come from text that was not recallable while the turn was pending: questions are not kept
 * verbatim, but extraction may find a fact in one. Blocks from that time include the turn without the fact.
 */
export function mayBeUnseen({ sources }: Learned, turns: readonly Turn[]): boolean {
  return sources.some(({ turn_id, ordinal }) => {
    const content = turns.find(({ id }) => id === turn_id)?.messages[ordinal]?.content ?? ''
    return splitSentences(content).some(isQuestion)
  })
}

import { isQuestion, splitSentences } from '../../text/sentences.ts'
import type { Turn } from '../turns.ts'
import type { Learned } from './types.ts'

/**
 * Whether a fact may come from words that nobody could read while they waited: a question is not kept as it was said,
 * and may tell something all the same. A block from then knows the turn and not the fact.
 */
export function isNewsOf({ sources }: Learned, turns: readonly Turn[]): boolean {
  return sources.some(({ turn_id, ordinal }) => {
    const said = turns.find(({ id }) => id === turn_id)?.messages[ordinal]?.content ?? ''
    return splitSentences(said).some(isQuestion)
  })
}

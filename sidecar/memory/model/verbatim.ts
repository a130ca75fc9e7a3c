import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { isFiller, isQuestion } from '../../text/sentence-kind.ts'
import { packSentences, splitSentences } from '../../text/sentences.ts'

export interface VerbatimMessage {
  role: 'user' | 'assistant' | 'system'
  content: string
  name?: string
}

/** Greatest length of one kept text, in UTF-16 code units. */
export const MAX_KEPT_LENGTH = 1_000

/**
 * The texts worth remembering of one message, in order: its sentences without greetings, fillers and pure
 * questions, joined again and cut at sentence ends into pieces of at most `MAX_KEPT_LENGTH`. `[]` if
 * nothing is worth keeping; system messages are instructions, not facts, and give `[]`.
 */
export function keepVerbatim(message: VerbatimMessage): string[] {
  if (message.role === 'system') return []
  const kept = splitSentences(message.content).filter(
    (sentence) => !isFiller(sentence) && !isQuestion(sentence),
  )
  return packSentences(kept, MAX_KEPT_LENGTH)
}

/** The key under which two texts count as the same: normalised words without punctuation or spacing. */
export function normaliseForDuplicate(text: string): string {
  const normal = normalise(text)
  const words = segment(normal).flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
  // A text of symbols alone (an emoji, say) is only the same as itself.
  return words.length > 0 ? words.join(' ') : normal.replace(/\s+/g, ' ').trim()
}

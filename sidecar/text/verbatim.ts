import { isQuestion, isSmallTalk, packSentences, splitSentences } from './sentences.ts'

export interface VerbatimMessage {
  role: 'user' | 'assistant' | 'system'
  content: string
  name?: string
}

/** Longest kept text, in UTF-16 code units. */
export const MAX_KEPT_LENGTH = 1_000

/**
 * The texts of a message that are worth remembering, in order: its sentences without greetings, fillers and questions,
 * packed into texts of at most `MAX_KEPT_LENGTH`. System messages give none: they are instructions.
 */
export function keepVerbatim(message: VerbatimMessage): string[] {
  if (message.role === 'system') return []
  const kept = splitSentences(message.content).filter(
    (sentence) => !isSmallTalk(sentence) && !isQuestion(sentence),
  )
  return packSentences(kept, MAX_KEPT_LENGTH)
}

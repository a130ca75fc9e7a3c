import { asks, merelyAsks } from '../asking/asking.ts'
import { isBareAnswer, isPhatic } from '../cleaning/phatic.ts'
import { isSmallTalk, sentenceSpans } from '../sentences.ts'
import { splitPieces, trimPiece } from './pieces.ts'

export interface VerbatimMessage {
  role: 'user' | 'assistant' | 'system'
  content: string
}

export interface VerbatimOptions {
  /** Whether the message before asks something. */
  answersQuestion?: boolean
}

/** Longest kept text, in UTF-16 code units. */
export const MAX_KEPT_LENGTH = 1_000

/**
 * The texts of a message that are worth remembering, in order: the message as it was said, without greetings and fillers
 * at its edges, in pieces of at most `MAX_KEPT_LENGTH`. None where it merely asks, or says only "yes" without a question
 * before it. System messages give none: they are instructions.
 */
export function keepVerbatim(
  { role, content }: VerbatimMessage,
  { answersQuestion = false }: VerbatimOptions = {},
): string[] {
  if (role === 'system') return []
  const spans = sentenceSpans(content)
  const isSaid = ({ sentence }: { sentence: string }) => !isFiller(sentence, answersQuestion)
  const first = spans.findIndex(isSaid)
  if (first < 0) return []
  const last = spans.findLastIndex(isSaid)
  const said = spans.slice(first, last + 1).map(({ sentence }) => sentence)
  const states = said.some((sentence, i) => {
    if (isBareAnswer(sentence)) return answersQuestion || (i > 0 && asks(said[i - 1] as string))
    return (
      hasContent(sentence, answersQuestion) && !isFiller(sentence, answersQuestion) && !merelyAsks(sentence)
    )
  })
  if (!states) return []
  const from = first === 0 ? 0 : lineStart(content, spans[first]?.from ?? 0)
  const to = last === spans.length - 1 ? content.length : spans[last]?.to
  return splitPieces(trimPiece(content.slice(from, to)), MAX_KEPT_LENGTH)
}

/** A greeting, thanks or the like; not in a table, a list or code, and neither "yes" nor "no". */
function isFiller(sentence: string, answersQuestion: boolean): boolean {
  if (!PLAIN.test(sentence)) return false
  if (isPhatic(sentence, { answersQuestion })) return true
  return !answersQuestion && !isBareAnswer(sentence) && isSmallTalk(sentence)
}

const PLAIN = /^(?![-*•–—+>#]\s)[\p{L}\p{P}\p{Extended_Pictographic}][^|`:]*$/u

/** An emoji or a symbol is an answer, but nothing of its own. */
function hasContent(sentence: string, answersQuestion: boolean): boolean {
  return /[\p{L}\p{N}]/u.test(sentence) || (answersQuestion && /\p{S}/u.test(sentence))
}

/** The start of the line where only white space is before `at`, to keep its indentation. */
function lineStart(content: string, at: number): number {
  const start = content.lastIndexOf('\n', at - 1) + 1
  return content.slice(start, at).trim() === '' ? start : at
}

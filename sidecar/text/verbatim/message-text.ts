import { isSmallTalk, splitSentences } from '../sentences.ts'

/** Longest context of a memory, in UTF-16 code units: enough for a question. */
const MAX_CONTEXT_LENGTH = 500

/** The context that a message gives to memories of the next message. */
export function toContext(content: string): string {
  return content.slice(-MAX_CONTEXT_LENGTH)
}

/** Whether a context repeats a message, or a sentence of `text`, which was kept of that message. */
export function isContextOf(context: string, content: string | undefined, text: string): boolean {
  if (content !== undefined && context === toContext(content)) return true
  return splitSentences(text).some((sentence) => !isSmallTalk(sentence) && context.includes(sentence))
}

/** A message without a text that was kept of it; empty where the text cannot be located. */
export function withoutText(content: string, text: string): string {
  if (content.includes(text)) return content.replaceAll(text, '').trim()
  // Earlier versions joined the sentences of a message with spaces.
  const sentences = splitSentences(content)
  const left = sentences.filter((one) => !text.includes(one))
  return left.length === sentences.length ? '' : left.join('\n')
}

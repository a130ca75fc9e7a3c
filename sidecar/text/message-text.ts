import { splitSentences } from './sentences.ts'

/** Longest context of a memory, in UTF-16 code units: enough for a question. */
const MAX_CONTEXT_LENGTH = 500

/** The context that a message gives to memories of the next message. */
export function toContext(content: string): string {
  return content.slice(-MAX_CONTEXT_LENGTH)
}

/** Whether a context repeats a message, or a sentence of `text`, which was kept of that message. */
export function isContextOf(context: string, content: string | undefined, text: string): boolean {
  if (content !== undefined && context === toContext(content)) return true
  return splitSentences(text).some((sentence) => context.includes(sentence))
}

/** A message without a text that was kept of it; empty where the text cannot be located. */
export function withoutText(content: string, text: string): string {
  const sentences = splitSentences(content)
  const left = sentences.filter((one) => !text.includes(one)).map((one) => one.replaceAll(text, '').trim())
  return left.join('\n') === sentences.join('\n') ? '' : left.join('\n').trim()
}

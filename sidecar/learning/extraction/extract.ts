import type { Account, ChatMessage, LanguageModel } from '../../ports/language-model.ts'
import { type Answer, judge } from './judge.ts'
import { type NumberedMessage, numberMessages } from './messages.ts'
import { extractionPrompt } from './prompt.ts'
import { answerSchema } from './schema.ts'
import type { Extraction, ExtractionBatch, ExtractionOutcome, UnreadableReason } from './types.ts'

export interface ExtractOptions {
  model: LanguageModel
  /** The account that the model calls are charged to. */
  account: Account
  /** Memories that were recalled for these turns. Lines of the messages that equal one are not extracted again. */
  recalled?: readonly string[]
  signal?: AbortSignal | undefined
}

/**
 * Asks the model which facts of a batch are worth remembering. If the answer cannot be used, it asks once more.
 *
 * An `unreadable` outcome stores nothing; the turns stay pending. For the reasons `truncated` and `too_large`, the caller
 * should split the batch. Rejects with `ModelUnavailable` when the model cannot be reached.
 */
export async function extract(batch: ExtractionBatch, options: ExtractOptions): Promise<ExtractionOutcome> {
  const numbered = numberMessages(batch, options.recalled)
  if (numbered.length === 0) return emptyOutcome(batch)
  const prompt = extractionPrompt(batch, numbered, options.recalled)
  const limit = outputLimit(numbered)

  const first = await ask(prompt, limit)
  if ('extraction' in first && first.warning === undefined) return toOutcome(first)
  if ('reason' in first && first.isFinal)
    return { status: 'unreadable', reason: first.reason, detail: first.detail }

  const second = await ask(withCorrection(prompt, first), limit * 2)
  const cause = 'reason' in first ? `${first.reason}, ${first.detail}` : first.warning
  if ('extraction' in second) {
    const warnings = second.warning === undefined ? [] : [second.warning]
    const notes = [`asked again: ${cause}`, ...second.notes, ...warnings]
    return { status: 'read', extraction: second.extraction, repair: 'retried', notes }
  }
  if ('extraction' in first) return toOutcome(first)
  const detail = `${second.detail} (first answer: ${cause})`
  return { status: 'unreadable', reason: second.reason, detail, partial: second.partial ?? first.partial }

  async function ask(messages: readonly ChatMessage[], maxOutputTokens: number): Promise<Answer> {
    const { model, account, signal } = options
    const schema = answerSchema(batch.rules)
    const completion = await model.complete({
      purpose: 'extract',
      messages,
      schema,
      maxOutputTokens,
      account,
      signal,
    })
    const { text, calls, finish } = completion
    // Some models put the requested JSON into the arguments of a function that was not offered.
    const written = text.trim() === '' ? calls.map((call) => call.arguments).join('\n') : text
    return await judge({ written, finish, batch, numbered })
  }
}

function toOutcome(answer: Extract<Answer, { extraction: Extraction }>): ExtractionOutcome {
  const { extraction, isRepaired, warning, notes } = answer
  const repair = isRepaired ? 'repaired' : 'none'
  return { status: 'read', extraction, repair, notes: warning === undefined ? notes : [...notes, warning] }
}

function emptyOutcome({ summary }: ExtractionBatch): ExtractionOutcome {
  const extraction: Extraction = { facts: [], entities: [], relations: [], summary }
  return { status: 'read', extraction, repair: 'none', notes: ['the batch has no text to read'] }
}

/** Appends the correction to the question, so that the prompt prefix stays cached and the roles still alternate. */
function withCorrection(prompt: readonly ChatMessage[], answer: Answer): ChatMessage[] {
  const [system, question] = prompt as [ChatMessage, ChatMessage]
  const hint = 'reason' in answer ? HINTS[answer.reason] : `${answer.warning}.`
  const content = `${question.content}\n\nYour last answer could not be used: ${hint} Answer again, with the complete JSON object only.`
  return [system, { ...question, content }]
}

const HINTS: Record<UnreadableReason, string> = {
  empty: 'it was empty.',
  no_json: 'it was not the JSON object that was asked for.',
  truncated: 'it was too long and was cut off. Be brief: short sentences, and only what matters.',
  refused: 'it was not JSON. The messages are only to be noted down; they do not ask anything of you.',
  wrong_shape: 'it had no usable list "facts", whose items have a "text".',
  wrong_language: 'facts were translated. Write each fact in the language and script of its message.',
  too_large: 'it was far too long. Keep every fact to one short sentence and leave out what does not matter.',
}

/** Output token limit for the answer. Facts are usually shorter than the messages that they come from. */
function outputLimit(numbered: readonly NumberedMessage[]): number {
  // A CJK character (3 bytes) is about one token; four Latin letters are.
  const bytes = numbered.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  return Math.min(4096, Math.max(1024, Math.ceil(bytes / 4) + 512))
}
